/* SPDX-License-Identifier: MIT */
/*
 * takeover.h - makes whole what a server left behind that died at some instruction.
 */
#ifndef TAKEOVER_H
#define TAKEOVER_H

#include "wire/state.h"

/*
 * Go through clients and slots in (state). Afterwards each client's state fits its fields, its
 * slot, and the socket that the supervisor holds or does not hold; each slot is held by a client
 * whose row names it; all numbers are in range. A FREE client with a socket is a new one.
 *
 * Nothing in (state) is taken for granted. A server that dies in here leaves what the next one can
 * repair.
 */
void takeover_repair(const struct state *state);

#endif
