/* SPDX-License-Identifier: MIT */
/*
 * protocol_test.c - what a client is sent, message by message.
 *
 * Eventfds are numbers here, slot * 100 + vector, so that each message shows where it comes from.
 */
#include "wire/state.h"
#include "server/protocol.h"
#include "tests/lib/test.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SLOTS 130u
#define VECTORS 16u
#define MEMORY 99999
#define ALL 4096u

/* One client, at place 1 of a table of 2, and the tables that its messages follow from. */
static struct slot slot_table[SLOTS];
static int32_t doorbells[SLOTS * VECTORS];
static uint32_t known[SLOTS];
static uint64_t live[3], knows[2 * 3];
static struct client table[2];
static struct slots slots;
static struct clients clients;
static uint32_t next_id;

static char got[1 << 16]; /* what it was sent */

static struct client *set_up(uint32_t count, uint32_t vectors, uint32_t self, bool is_classic)
{
	for (uint32_t i = 0; i < count; i++) {
		slot_table[i] = (struct slot){.client = SLOTS_NONE, .id = i};
		for (uint32_t v = 0; v < vectors; v++)
			doorbells[i * vectors + v] = (int32_t)(i * 100 + v);
	}
	memset(known, 0, sizeof(known));
	memset(live, 0, sizeof(live));
	memset(knows, 0, sizeof(knows));
	slots = (struct slots){.count = count,
	    .vectors = vectors,
	    .slot = slot_table,
	    .doorbells = doorbells,
	    .known = is_classic ? known : NULL};
	clients = (struct clients){.slots = &slots,
	    .client = table,
	    .knows = knows,
	    .live = live,
	    .capacity = 2,
	    .memory = MEMORY,
	    .is_classic = is_classic};
	table[1] = (struct client){.slot = self, .partial = SLOTS_NONE};
	next_id = 0;
	got[0] = '\0';
	return &table[1];
}

static void come(uint32_t slot)
{
	CHECK_EQ(known[slot], 0);
	slot_table[slot].id = next_id++;
	live[slot / 64] |= UINT64_C(1) << slot % 64;
}

static void go(uint32_t slot)
{
	live[slot / 64] &= ~(UINT64_C(1) << slot % 64);
}

/* "v0 i1 m 0.0 0.1 -0": version, ID, memory, peer 0's vectors, peer 0 has left. */
static void write_down(const struct message *message, uint32_t step)
{
	size_t at = strlen(got);
	char *end = got + at;
	size_t room = sizeof(got) - at;
	const char *gap = at ? " " : "";

	if (message->slot != SLOTS_NONE) {
		if (message->vector == SLOTS_NONE) {
			snprintf(end, room, "%s-%lld", gap, (long long)message->value);
			CHECK_EQ(message->fd, -1);
			return;
		}
		snprintf(end, room, "%s%lld.%u", gap, (long long)message->value, message->vector);
		CHECK_EQ(message->fd, message->slot * 100 + message->vector);
	} else if (step == 2 && clients.memories) {
		snprintf(end, room, "%sm%d", gap, message->fd);
		CHECK_EQ(message->value, -1);
	} else if (step == 2) {
		snprintf(end, room, "%sm", gap);
		CHECK_EQ(message->value, -1);
		CHECK_EQ(message->fd, MEMORY);
	} else if (step > 2) {
		snprintf(end, room, "%s%lld:%d", gap, (long long)message->value, message->fd);
	} else {
		snprintf(
		    end, room, "%s%c%lld", gap, step == 0 ? 'v' : 'i', (long long)message->value);
		CHECK_EQ(message->fd, -1);
	}
}

/* It reads (count) messages, from plans with room for (room). */
static void deliver(struct client *client, uint32_t count, uint32_t room)
{
	static struct message plan[ALL];

	CHECK_EQ(protocol_left(&clients, client), protocol_next(&clients, client, plan, ALL));
	while (count > 0) {
		uint32_t planned = protocol_next(&clients, client, plan, room);

		CHECK(planned <= room);
		if (planned > count)
			planned = count;
		if (planned == 0)
			break;
		for (uint32_t i = 0; i < planned; i++)
			write_down(&plan[i], client->sent + i);
		protocol_record(&clients, client, plan, planned);
		count -= planned;
		CHECK_EQ(
		    protocol_left(&clients, client), protocol_next(&clients, client, plan, ALL));
	}
	for (uint32_t i = 0; i < slots.count && clients.is_classic; i++)
		CHECK_EQ(known[i], knows[state_words(slots.count) + i / 64] >> i % 64 & 1);
}

static void check_got(const char *want)
{
	CHECK_EQ(strcmp(got, want), 0);
	if (strcmp(got, want) != 0)
		printf("got: %s\nwant: %s\n", got, want);
}

static void slot_rows(void)
{
	static const struct {
		const char *name;
		uint32_t slots, vectors, self;
		const char *want;
	} rows[] = {
	    {"1x0", 1, 0, 0, "v0 i0 m"},
	    {"1x1", 1, 1, 0, "v0 i0 m 0.0"},
	    {"2x1, first", 2, 1, 0, "v0 i0 m 1.0 0.0"},
	    {"2x1, last", 2, 1, 1, "v0 i1 m 0.0 1.0"},
	    {"3x2, first", 3, 2, 0, "v0 i0 m 1.0 1.1 2.0 2.1 0.0 0.1"},
	    {"3x2, middle", 3, 2, 1, "v0 i1 m 0.0 0.1 2.0 2.1 1.0 1.1"},
	    {"3x2, last", 3, 2, 2, "v0 i2 m 0.0 0.1 1.0 1.1 2.0 2.1"},
	    {"3x0", 3, 0, 1, "v0 i1 m"},
	    {"1x3", 1, 3, 0, "v0 i0 m 0.0 0.1 0.2"},
	};

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		for (uint32_t room = 1; room <= CLIENTS_BATCH; room++) {
			struct client *client =
			    set_up(rows[i].slots, rows[i].vectors, rows[i].self, false);

			test_row(rows[i].name);
			CHECK(!protocol_is_handshake_done(&clients, client));
			deliver(client, ALL, room);
			CHECK(protocol_is_handshake_done(&clients, client));
			check_got(rows[i].want);
		}
}

/* Common memory N is 700 + N, part N 500 + N for writing and 600 + N for reading. */
static void split_rows(void)
{
	static const struct {
		const char *name;
		uint32_t slots, vectors, self;
		bool is_ours;
		const char *want;
	} rows[] = {
	    {"2x1, first", 2, 1, 0, true, "v0 i0 m700 -2:500 -3:601 1.0 0.0"},
	    {"2x1, last", 2, 1, 1, true, "v0 i1 m701 -2:600 -3:501 0.0 1.0"},
	    {"3x0", 3, 0, 1, true, "v0 i1 m701 -2:600 -3:501 -4:602"},
	    {"3x2", 3, 2, 2, true, "v0 i2 m702 -2:600 -3:601 -4:502 0.0 0.1 1.0 1.1 2.0 2.1"},
	    {"QEMU", 2, 1, 1, false, "v0 i1 m701 0.0 1.0"},
	};
	static struct state_memory memories[3];

	for (int n = 0; n < 3; n++)
		memories[n] = (struct state_memory){700 + n, 500 + n, 600 + n};
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		for (uint32_t room = 1; room <= CLIENTS_BATCH; room++) {
			struct client *client =
			    set_up(rows[i].slots, rows[i].vectors, rows[i].self, false);

			test_row(rows[i].name);
			clients.memories = memories;
			client->parts = rows[i].is_ours ? rows[i].slots : 0;
			deliver(client, 3 + rows[i].slots - 1, room);
			CHECK(rows[i].vectors == 0 || !rows[i].is_ours ||
			      !protocol_is_handshake_done(&clients, client));
			deliver(client, ALL, room);
			CHECK(protocol_is_handshake_done(&clients, client));
			check_got(rows[i].want);
		}
}

/* "+1": slot 1 is taken, by the next ID; "-1": it is left; "r4": 4 messages are read; "r": all. */
static void play(struct client *client, const char *script, uint32_t room)
{
	while (*script) {
		char what = *script++, *end;
		bool has_number = *script >= '0' && *script <= '9';
		uint32_t number = has_number ? (uint32_t)strtoul(script, &end, 10) : ALL;

		if (has_number)
			script = end;
		if (what == '+')
			come(number);
		else if (what == '-')
			go(number);
		else if (what == 'r')
			deliver(client, number, room);
	}
}

/* The client is in slot 1. */
static void classic_rows(void)
{
	static const struct {
		const char *name;
		uint32_t vectors;
		const char *script, *want;
	} rows[] = {
	    {"alone", 2, "+1 r", "v0 i0 m 0.0 0.1"},
	    {"others are there", 2, "+0 +2 +1 r", "v0 i2 m 0.0 0.1 1.0 1.1 2.0 2.1"},
	    {"one joins", 2, "+1 r +0 r", "v0 i0 m 0.0 0.1 1.0 1.1"},
	    {"two join", 1, "+1 r +2 +0 r", "v0 i0 m 0.0 2.0 1.0"},
	    {"one leaves", 2, "+0 +1 r -0 r", "v0 i1 m 0.0 0.1 1.0 1.1 -0"},
	    {"two leave", 1, "+0 +2 +1 r -2 -0 r", "v0 i2 m 0.0 1.0 2.0 -0 -1"},
	    {"leaves come before joins", 1, "+0 +1 r -0 +2 r", "v0 i1 m 0.0 1.0 -0 2.0"},
	    {"a slot's next one", 1, "+0 +1 r -0 r +0 r", "v0 i1 m 0.0 1.0 -0 2.0"},
	    {"comes and goes unseen", 1, "+1 r +0 -0 r", "v0 i0 m 0.0"},
	    {"two came, one is left", 1, "+1 r +0 -0 +0 r", "v0 i0 m 0.0 2.0"},
	    {"goes before the handshake", 1, "+0 +1 r2 -0 r", "v0 i1 m 1.0"},
	    {"goes behind the memory", 1, "+0 +1 r3 -0 r", "v0 i1 m 1.0"},
	    {"goes amid its vectors", 2, "+0 +1 r4 -0 r", "v0 i1 m 0.0 -0 1.0 1.1"},
	    {"goes amid them, another comes", 3, "+0 +1 r4 -0 +2 r1 r2 r",
		"v0 i1 m 0.0 -0 2.0 2.1 2.2 1.0 1.1 1.2"},
	    {"amid vectors, another goes", 2, "+0 +2 +1 r6 -0 r",
		"v0 i2 m 0.0 0.1 1.0 1.1 -0 2.0 2.1"},
	    {"amid vectors, another comes", 2, "+0 +1 r4 +2 r", "v0 i1 m 0.0 0.1 2.0 2.1 1.0 1.1"},
	    {"amid its own, one comes", 2, "+1 r4 +0 r", "v0 i0 m 0.0 0.1 1.0 1.1"},
	    {"amid its own, one goes", 2, "+0 +1 r6 -0 r", "v0 i1 m 0.0 0.1 1.0 1.1 -0"},
	    {"handshake done, amid vectors", 3, "+1 r +0 r1 r1 r",
		"v0 i0 m 0.0 0.1 0.2 1.0 1.1 1.2"},
	    {"no vectors: nothing to send", 0, "+0 +1 r -0 +2 r", "v0 i1 m"},
	};

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		for (uint32_t room = 1; room <= CLIENTS_BATCH; room++) {
			struct client *client = set_up(3, rows[i].vectors, 1, true);

			test_row(rows[i].name);
			play(client, rows[i].script, room);
			CHECK(protocol_is_handshake_done(&clients, client));
			check_got(rows[i].want);
		}
}

/* Slots in three words, vectors that no batch ends with, and all of them leave. */
static void classic_many(void)
{
	static const uint32_t selves[] = {0, 63, 64, 129};

	for (unsigned i = 0; i < sizeof(selves) / sizeof(selves[0]); i++) {
		struct client *client = set_up(SLOTS, 3, selves[i], true);
		uint32_t count = 0;

		for (uint32_t s = 0; s < SLOTS; s++)
			come(s);
		deliver(client, ALL, CLIENTS_BATCH);
		for (const char *c = got; *c; c++)
			count += *c == '.';
		CHECK_EQ(count, 3 * SLOTS);
		for (uint32_t s = 0; s < SLOTS; s++)
			if (s != selves[i])
				go(s);
		CHECK_EQ(protocol_left(&clients, client), SLOTS - 1);
		deliver(client, ALL, CLIENTS_BATCH);
		CHECK_EQ(protocol_left(&clients, client), 0);
		for (uint32_t s = 0; s < SLOTS; s++)
			CHECK_EQ(known[s], 0);
	}
}

/* Wherever a batch ends, the sequence is the same. */
static void classic_borders(void)
{
	static char whole[sizeof(got)];

	for (uint32_t room = CLIENTS_BATCH + 1; room-- > 1;) {
		struct client *client = set_up(9, 4, 4, true);

		for (uint32_t s = 0; s < 9; s++)
			come(s);
		deliver(client, ALL, room);
		if (room == CLIENTS_BATCH)
			memcpy(whole, got, sizeof(got));
		CHECK_EQ(strcmp(got, whole), 0);
	}
}

static void forget(void)
{
	struct client *client = set_up(SLOTS, 2, 70, true);

	for (uint32_t s = 60; s < 80; s++)
		come(s);
	deliver(client, 10, 3); /* amid the vectors of one */
	protocol_forget(&clients, client);
	for (uint32_t s = 0; s < SLOTS; s++)
		CHECK_EQ(known[s], 0);
	for (unsigned w = 0; w < 3; w++)
		CHECK_EQ(knows[3 + w], 0);
}

static const struct test tests[] = {
    {"slots: sequence", slot_rows},
    {"split: sequence", split_rows},
    {"classic: sequence", classic_rows},
    {"classic: many slots", classic_many},
    {"classic: batch borders", classic_borders},
    {"classic: forget", forget},
};

int main(void)
{
	return test_main("protocol", tests, sizeof(tests) / sizeof(tests[0]));
}
