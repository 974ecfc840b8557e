/* SPDX-License-Identifier: MIT */
/*
 * alone.h - a server whose supervisor is gone: it accepts connections itself.
 */
#ifndef ALONE_H
#define ALONE_H

#include "server/server.h"

/* The supervisor is gone, and with it who accepted. What it held, this process holds too. */
void alone_begin(struct server *server);

/* Accept again what was left waiting for want of descriptors; at each tick. */
void alone_tick(struct server *server);

#endif
