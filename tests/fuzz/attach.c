/* SPDX-License-Identifier: MIT */
/*
 * attach.c - attaching to a memory of any content. SPEC R3.6, R9.1.
 *
 * The whole memory is input: as it is, or as pieces that are laid over an empty one, or over one
 * that the library has formatted.
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
	if (how & 1)
		room_format(2 + (how >> 4) % 3);
	else
		room_clear();
	for (unsigned i = 0; i < 64 && how & 2 && feed_left(); i++) {
		uint32_t at = (uint32_t)feed_number(2) * 4 % ROOM_SIZE, most = ROOM_SIZE - at;
		uint32_t bytes = feed_byte();

		if (at == 0 && bytes == 0)
			break;
		feed_bytes(room_memory + at, bytes < most ? bytes : most);
	}
	if (!(how & 2))
		feed_bytes(room_memory, ROOM_SIZE);
	room_poke(how & 4);
	if (room_attach(&peer, options >> 4 & 3, options >> 6, options) == 0) {
		for (unsigned i = 0; i < 20 && peer.region.attached; i++)
			room_step(
			    &peer, ROOM_RECEIVE | ROOM_SEND | ROOM_STREAM | ROOM_LOOK | ROOM_LIVES);
		ivsh_region_detach(&peer.region);
	}
	return 0;
}
