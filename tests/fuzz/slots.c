/* SPDX-License-Identifier: MIT */
/*
 * slots.c - reading slots, services and a server's page of any content. SPEC R5.7.
 */
#include "tests/fuzz/feed.h"
#include "tests/fuzz/room.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct room_peer us;

	feed_set(data, size);
	room_format(4);
	if (room_attach(&us, 2, 0, 1))
		return 0;
	feed_bytes(room_memory + IVSH_WIRE_SERVER_OFFSET + 4 * (size_t)feed_byte(), feed_byte());
	feed_bytes(room_memory + IVSH_WIRE_SLOTS_OFFSET + 4 * (size_t)feed_byte(), feed_byte());
	room_poke(true);
	for (unsigned i = 0; i < 200 && feed_left(); i++)
		room_step(&us, ROOM_LOOK);
	return 0;
}
