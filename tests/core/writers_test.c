/* SPDX-License-Identifier: MIT */
/*
 * writers_test.c - each peer writes its own words and no others. SPEC R1.1, R6.2.
 *
 * The whole memory is compared before and after each step of one peer.
 */
#include "tests/lib/test.h"
#include "tests/core/world.h"

#include <string.h>

static struct end a, b;
static uint8_t before[WORLD_SIZE], buffer[8192];

/* Whether slot (actor) may write the byte at (offset), with one other peer, slot (other). */
static bool may_write(uint32_t actor, uint32_t other, uint64_t offset)
{
	uint64_t slot = IVSH_WIRE_SLOTS_OFFSET + actor * sizeof(struct ivsh_wire_slot);
	uint64_t out = (uint64_t)((uint8_t *)world_ring(actor, other) - world.memory);
	uint64_t in = (uint64_t)((uint8_t *)world_ring(other, actor) - world.memory);

	uint64_t pending = IVSH_WIRE_SLOTS_OFFSET + other * sizeof(struct ivsh_wire_slot) +
			   offsetof(struct ivsh_wire_slot, pending) + actor;

	/* All of the slot but its pending bytes, and its byte in the other slot. */
	if (offset == pending)
		return true;
	if (offset - slot < offsetof(struct ivsh_wire_slot, pending))
		return true;
	/* The sender's line, the descriptors and both areas; the large area ends the stride. */
	if (offset - out < sizeof(struct ivsh_wire_sender) ||
	    (offset - out >= sizeof(struct ivsh_wire_ring) && offset - out < WORLD_RING))
		return true;
	/* The receiver's line of the other ring. */
	return offset - in - offsetof(struct ivsh_wire_ring, receiver) <
	       sizeof(struct ivsh_wire_receiver);
}

static void compare(uint32_t actor, uint32_t other)
{
	for (uint64_t i = 0; i < WORLD_SIZE; i += 64) {
		if (memcmp(before + i, world.memory + i, 64) == 0)
			continue;
		for (uint64_t j = i; j < i + 64; j++)
			if (before[j] != world.memory[j] && !may_write(actor, other, j))
				test_fail(__FILE__, __LINE__, "a byte that is not its own",
				    (long long)j, actor);
	}
}

static void step(struct end *end, uint32_t dice)
{
	struct ivsh_message message = {buffer, dice % 700, 1, 0}, batch[3];
	uint32_t count;
	static struct ivsh_peer peers[WORLD_SLOTS];
	struct ivsh_peer peer = {0};
	struct ivsh_chan *chan;
	struct ivsh_peer_event event;
	int error;

	switch (dice % 12) {
	case 10:
		batch[0] = batch[1] = batch[2] = message;
		error = ivsh_chan_send_batch(&end->chan, batch, 3, &count);
		break;
	case 11:
		error =
		    ivsh_chan_receive_batch(&end->chan, batch, 3, buffer, sizeof(buffer), &count);
		break;
	case 0:
	case 1:
		error = ivsh_chan_send(&end->chan, 1, buffer, dice % 3000);
		break;
	case 2:
	case 3:
		error = ivsh_chan_receive(&end->chan, &message, buffer, sizeof(buffer));
		break;
	case 4:
		error = world_wait(&end->region, 1000);
		break;
	case 5:
		error = ivsh_region_next(&end->region, &chan, &message);
		break;
	case 6:
		error = ivsh_region_peer_event(&end->region, peers, WORLD_SLOTS, &event);
		break;
	case 7:
		error = ivsh_region_offer(&end->region, "echo", (uint16_t)dice);
		break;
	case 8:
		error = ivsh_chan_reset(&end->chan);
		break;
	default:
		error = ivsh_region_peer(&end->region, dice % WORLD_SLOTS, &peer);
	}
	CHECK(error == 0 || error == IVSH_EAGAIN || error == IVSH_EPROTO);
}

static void all_calls(void)
{
	uint32_t seed = 3;

	world_format();
	for (unsigned i = 0; i < 1000; i++) {
		uint32_t actor = world_random(&seed) & 1, dice = world_random(&seed);
		struct end *end = actor ? &b : &a;

		/* Damage, so that rings are reset. */
		if (i > 2 && dice % 37 == 0)
			world_ring(actor, 1 - actor)->receiver.read ^= 0x1000;

		memcpy(before, world.memory, WORLD_SIZE);
		if (i < 2 || dice % 41 == 0) {
			actor = i < 2 ? i : actor;
			end = actor ? &b : &a;
			int error = end_open(end, actor, 1 - actor, dice & 1);

			CHECK(error == 0 || error == IVSH_EPROTO);
		} else {
			step(end, dice);
		}
		compare(actor, 1 - actor);
	}
	CHECK(world_ring(0, 1)->sender.generation + world_ring(1, 0)->sender.generation > 10);
	CHECK(world_slot(0)->pending[1] != 0);
	memcpy(before, world.memory, WORLD_SIZE);
	ivsh_chan_close(&a.chan);
	ivsh_region_detach(&a.region);
	compare(0, 1);
}

static const struct test tests[] = {
    {"all calls", all_calls},
};

int main(void)
{
	return test_main("writers", tests, sizeof(tests) / sizeof(tests[0]));
}
