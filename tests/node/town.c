/* SPDX-License-Identifier: MIT */
/*
 * town.c - nodes in the small world of the core's tests.
 */
#include "tests/node/town.h"

#include "tests/lib/test.h"

#include <string.h>

static uint8_t blocks[WORLD_SLOTS][TOWN_BLOCK];

struct ivsh_node *town[WORLD_SLOTS];
uint8_t town_in[8192];

void town_reset(void)
{
	world_format();
	memset(town, 0, sizeof(town));
}

int town_open(uint32_t slot, struct ivsh_node_options *options)
{
	struct ivsh_mem mem = world_mem(slot);

	return ivsh_node_open(&town[slot], blocks[slot], sizeof(blocks[slot]), &mem, options);
}

void town_close(uint32_t slot)
{
	ivsh_node_close(town[slot]);
	town[slot] = NULL;
}

void town_kill(uint32_t slot)
{
	memset(blocks[slot], 0xee, sizeof(blocks[slot]));
	town[slot] = NULL;
}

int town_receive(uint32_t slot, struct ivsh_node_message *message)
{
	int error = ivsh_node_receive(town[slot], message, town_in, sizeof(town_in), 0);

	return error ? error : message->size ? town_in[0] : 0;
}
