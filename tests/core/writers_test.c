/* SPDX-License-Identifier: MIT */
/*
 * writers_test.c - each peer writes its own words and no others. SPEC R1.1, R6.2, R17.1.
 *
 * The whole memory is compared before and after each step of one peer.
 */
#include "tests/lib/test.h"
#include "tests/core/world.h"

#include <string.h>

#if WORLD_HAS_VIEWS
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>
#endif

static struct end a, b;
static uint8_t before[WORLD_SIZE], buffer[8192];

/* Whether slot (actor) may write the byte at (offset), with one other peer, slot (other). */
static bool may_write(uint32_t actor, uint32_t other, uint64_t offset)
{
	uint64_t slot = offset - world_offset(world_slot(actor));
	uint64_t out = offset - world_offset(world_ring(actor, other).sender);
	uint64_t in = offset - world_offset(world_ring(other, actor).receiver);

	/* All of the slot but the pending bytes, of which one is its own. */
	if (offset == world_offset(world_pending(actor, other)))
		return true;
	if (slot < offsetof(struct ivsh_wire_slot, pending))
		return true;
	/* The sender's line, the descriptors and both areas; the large area ends the stride. */
	if (out < sizeof(struct ivsh_wire_sender) ||
	    (out >= sizeof(struct ivsh_wire_ring) && out < WORLD_RING))
		return true;
	/* The receiver's lines of the other ring. */
	return in < sizeof(struct ivsh_wire_receiver);
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
			world_ring(actor, 1 - actor).receiver->read ^= 0x1000;

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
	CHECK(world_ring(0, 1).sender->generation + world_ring(1, 0).sender->generation > 10);
	CHECK(*world_pending(1, 0) != 0);
	memcpy(before, world.memory, WORLD_SIZE);
	ivsh_chan_close(&a.chan);
	ivsh_region_detach(&a.region);
	compare(0, 1);
}

#if WORLD_HAS_VIEWS

/* What the tests of a split region rely on: a peer cannot store into another's part. */
static void others_refuse(void)
{
	int status = 0;
	pid_t child;

	if (!world_is_split())
		return;
	world_format();
	NEED_EQ(end_open(&a, 0, 1, false), 0);
	fflush(stdout);
	child = fork();
	if (child == 0) {
		union {
			const uint32_t *read;
			volatile uint32_t *written;
		} word = {&a.chan.rx.other->generation};

		close(STDERR_FILENO);
		*word.written = 1;
		_exit(0);
	}
	NEED_EQ(waitpid(child, &status, 0), child);
	CHECK(status != 0);
	CHECK_EQ(world_ring(1, 0).sender->generation, 0);
}

#endif

static const struct test tests[] = {
    {"all calls", all_calls},
#if WORLD_HAS_VIEWS
    {"others refuse", others_refuse},
#endif
};

int main(void)
{
	return test_main("writers", tests, sizeof(tests) / sizeof(tests[0]));
}
