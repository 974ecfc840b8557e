/* SPDX-License-Identifier: MIT */
/*
 * town.h - nodes in the small world of the core's tests.
 */
#ifndef TOWN_H
#define TOWN_H

#include "tests/core/world.h"

#include <ivsh/node.h>

#define TOWN_DESCS 64u
#define TOWN_BLOCK IVSH_NODE_SIZE(WORLD_SLOTS, TOWN_DESCS)

/* The nodes of a test, by slot; NULL: closed. */
extern struct ivsh_node *town[WORLD_SLOTS];

/* Start over: a formatted memory without peers. */
void town_reset(void);

/*
 * Open a node in (slot), by the name that options has, or none; NULL: by default. 0 or the error.
 */
int town_open(uint32_t slot, struct ivsh_node_options *options);

/* Close the node; or stop as if killed. */
void town_close(uint32_t slot);
void town_kill(uint32_t slot);

/* Receive at (slot) without waiting: the first byte, or an error. */
int town_receive(uint32_t slot, struct ivsh_node_message *message);

/* The message that was received last at a slot. */
extern uint8_t town_in[8192];

#endif
