/* SPDX-License-Identifier: MIT */
/*
 * stream.c - a stream whose other side sends anything. SPEC R10.4, R10.6.
 */
#include "tests/fuzz/feed.h"
#include "tests/fuzz/room.h"

#include <ivsh/wire.h>

#define PORT 40

/* A control message of the other side: mostly of the right form, and with the right numbers. */
static void say(struct room_peer *them, const struct ivsh_stream *us)
{
	static uint8_t bytes[600];
	struct ivsh_wire_stream c = {0};
	uint8_t how = feed_byte();

	c.kind = how & 7;
	c.from = how & 0x08 ? feed_byte() : 7;
	c.to = how & 0x10 ? feed_byte() : us->self;
	c.value = how & 0x20 ? us->rx.received : (uint32_t)feed_number(4);
	c.incarnation = them->region.incarnation;
	if (c.kind == 0) {
		uint32_t size = (uint32_t)feed_number(2) % sizeof(bytes);

		if (ivsh_chan_send(&them->chan, PORT, bytes, size))
			return;
	} else if (ivsh_chan_send(
		       &them->chan, PORT + 1, &c, how & 0x40 ? feed_byte() % 25 : sizeof(c))) {
		return;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct room_peer us, them;
	uint8_t how;

	feed_set(data, size);
	room_format(2);
	if (room_attach(&them, 0, 1, 1) || room_attach(&us, 1, 0, 1))
		return 0;
	how = feed_byte();
	room_poke(how & 1);
	for (unsigned i = 0; i < 400 && feed_left(); i++) {
		uint8_t who = feed_byte();

		if (who & 1)
			room_step(&us, ROOM_STREAM);
		else if (who & 2)
			say(&them, &us.stream);
		else
			room_step(&them, who & 4 ? ROOM_STREAM : ROOM_RECEIVE);
	}
	return 0;
}
