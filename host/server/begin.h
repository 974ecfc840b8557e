/* SPDX-License-Identifier: MIT */
/*
 * begin.h - from ready to serving.
 */
#ifndef BEGIN_H
#define BEGIN_H

#include "server/server.h"

/* The state is this server's from now on: make it whole, and take up its clients. 0, or -1. */
int begin(struct server *server);

#endif
