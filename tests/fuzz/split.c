/* SPDX-License-Identifier: MIT */
/*
 * split.c - attaching to a split region of which any byte may be anything, and using it. SPEC R9.1,
 * R17.4.
 *
 * The input is laid over a formatted region in pieces, mostly over the headers.
 */
#include "tests/fuzz/feed.h"
#include "tests/fuzz/room.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct room_peer peer;
	uint8_t how, options;

	feed_set(data, size);
	how = feed_byte();
	options = feed_byte();
	room_split_format(how & 1, how & 8);
	for (unsigned i = 0; i < 32 && feed_left(); i++) {
		uint32_t where = feed_byte(), at = (uint32_t)feed_number(2) * 4 % ROOM_SIZE;
		uint32_t bytes = feed_byte(), most;

		if (where & 1)
			at = room_part_offset(where >> 1 & 3) + at % 64;
		if (at == 0 && bytes == 0)
			break;
		most = ROOM_SIZE - at;
		feed_bytes(room_memory + at, bytes < most ? bytes : most);
	}
	room_poke(how & 4);
	if (room_attach(&peer, options >> 4 & 3, options >> 6, options) == 0) {
		for (unsigned i = 0; i < 20 && peer.region.attached; i++)
			room_step(
			    &peer, ROOM_RECEIVE | ROOM_SEND | ROOM_STREAM | ROOM_LOOK | ROOM_LIVES);
		ivsh_region_detach(&peer.region);
	}
	return 0;
}
