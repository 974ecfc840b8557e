/* SPDX-License-Identifier: MIT */
/*
 * bridge.h - bridge: another program, ivsh-bridge, which is beside this one or in PATH.
 */
#ifndef PEER_BRIDGE_H
#define PEER_BRIDGE_H

#include "app/world.h"

struct options;

/*
 * If the first word is "bridge", become that program, with all words behind it. Answers an exit
 * status after one line, if it is not there; -1: it is another word.
 */
int bridge_exec(int argc, char **argv);

/* The command, where options stand before the word: they mean nothing to it. */
int bridge_command(const struct world *world, const struct options *o);

#endif
