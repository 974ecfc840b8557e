/* SPDX-License-Identifier: MIT */
/*
 * receive.c - receiving while any peer writes anything. SPEC R7.7, R9.1.
 */
#include "tests/fuzz/feed.h"
#include "tests/fuzz/room.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct room_peer us, them;

	feed_set(data, size);
	room_format(2);
	if (room_attach(&them, 0, 1, 1) || room_attach(&us, 1, 0, 1))
		return 0;
	room_poke(true);
	for (unsigned i = 0; i < 400 && feed_left(); i++) {
		bool ours = (feed_byte() & 3) != 0;

		room_step(ours ? &us : &them, ours ? ROOM_RECEIVE | ROOM_LIVES : ROOM_SEND);
	}
	return 0;
}
