/* SPDX-License-Identifier: MIT */
/*
 * example_test.c - prints the example region of SPEC.md 13: its non-zero lines, as a hexdump.
 *
 * tests/check/spec.sh compares it with tests/core/example.hex and with SPEC.md.
 */
#include "tests/core/world.h"

#include <stdio.h>
#include <string.h>

int main(void)
{
	struct ivsh_geometry geometry = {2, 16, 1024, 1024, 0};
	struct ivsh_attach attach = {.restart = ivsh_attach_restart,
	    .counters = ivsh_attach_counters,
	    .name = "alpha",
	    .nonce = 0x1122334455667788};
	struct ivsh_region region;
	struct ivsh_record records[16];
	struct ivsh_chan chan;
	struct ivsh_mem mem;
	uint64_t size;

	world_reset();
	mem = world_mem(0);
	if (ivsh_region_format(mem.base, mem.size, &geometry, 0x99aabbccddeeff00, false) ||
	    ivsh_geometry_size(&geometry, &size) || ivsh_region_attach(&region, &mem, &attach) ||
	    ivsh_chan_open(&chan, &region, 1, records, 16) ||
	    ivsh_chan_send(&chan, IVSH_PORT_TEXT, "hello", 5) ||
	    ivsh_chan_send(&chan, IVSH_PORT_ECHO, "hello, world", 12) || world_wait(&region, 0))
		return 1;
	for (uint64_t at = 0; at < size; at += 16) {
		static const uint8_t zero[16];

		if (memcmp(world.memory + at, zero, 16) == 0)
			continue;
		printf("%06lx ", (unsigned long)at);
		for (unsigned i = 0; i < 16; i++)
			printf(" %02x", world.memory[at + i]);
		printf("\n");
	}
	return 0;
}
