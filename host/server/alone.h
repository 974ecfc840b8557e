/* SPDX-License-Identifier: MIT */
/*
 * alone.h - a server whose supervisor is gone: it accepts connections itself.
 */
#ifndef ALONE_H
#define ALONE_H

#include "server/server.h"

/*
 * The supervisor, which accepted connections, is gone: accept them here. This process holds all
 * that the supervisor held.
 */
void alone_begin(struct server *server);

/* Accept the connections that waited for want of descriptors; at each tick. */
void alone_tick(struct server *server);

#endif
