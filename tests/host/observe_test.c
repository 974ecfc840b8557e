/* SPDX-License-Identifier: MIT */
/*
 * observe_test.c - what an observer finds in damaged regions: the damaged word in each of the rows
 * of a table; damage of one word at any place that a rule decides about, in 10,000 regions; and no
 * crash in 10,000 random ones.
 */
#include "tests/lib/test.h"
#include "tests/core/world.h"

#include "observe/parts.h"
#include "observe/rings.h"
#include "observe/survey.h"

#include <ivsh/metrics.h>

#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define DESCS 64u
#define ROUNDS 10000u

static const struct ivsh_geometry geometry = {WORLD_SLOTS, DESCS, 4096, 8192, 0};
static struct end a, b;
static uint8_t sound[WORLD_SIZE]; /* a region that nobody has damaged */

/*
 * Slots 0 and 1 have exchanged (passed) messages of several kinds, and (left) more are in flight.
 * Then both are killed.
 */
static void make(uint32_t passed, uint32_t left)
{
	static struct ivsh_metric metric[2];
	static uint8_t bytes[8192];
	struct ivsh_message message;

	world_format();
	NEED_EQ(end_open(&a, 0, 1, false), 0);
	NEED_EQ(end_open(&b, 1, 0, false), 0);
	NEED_EQ(ivsh_region_offer(&a.region, "echo", 7), 0);
	NEED_EQ(ivsh_metric_declare(&a.region, "first", IVSH_METRIC_COUNTER, &metric[0]), 0);
	NEED_EQ(ivsh_metric_declare(&a.region, "second_2", IVSH_METRIC_GAUGE, &metric[1]), 0);
	for (uint32_t i = 0; i < passed + left; i++) {
		NEED_EQ(ivsh_chan_send(&a.chan, 3, bytes, i % 5 == 4 ? 3000 : i % 5 * 20), 0);
		if (i < passed)
			NEED_EQ(ivsh_chan_receive(&b.chan, &message, bytes, sizeof(bytes)), 0);
	}
	NEED_EQ(ivsh_chan_receive(&a.chan, &message, bytes, sizeof(bytes)), IVSH_EAGAIN);
	if (left == 0)
		NEED_EQ(ivsh_chan_receive(&b.chan, &message, bytes, sizeof(bytes)), IVSH_EAGAIN);
	ivsh_region_detach(&b.region);
	memcpy(sound, world.memory, sizeof(sound));
}

/* All findings of the region in the world's memory. */
static void look(struct observe_findings *findings)
{
	struct ivsh_mem mem = world_mem(IVSH_SELF_NONE);
	struct observed_header header;
	struct observed_server server;
	struct observed_slot slot;
	struct observed_part part;
	struct observed_ring ring;
	struct observer observer;

	memset(findings, 0, sizeof(*findings));
	observe_header(mem.base, mem.size, &header, findings);
	NEED_EQ(observe_open(&observer, &mem, &geometry, world_is_split()), 0);
	observer.format_id = 1; /* as world_format() has it */
	observe_server(mem.base, WORLD_SLOTS, &server, findings);
	for (uint32_t i = 0; i < WORLD_SLOTS; i++) {
		if (world_is_split())
			observe_part(&observer, i, &part, findings);
		(void)observe_slot(&observer, i, &slot, findings);
		for (uint32_t to = 0; to < WORLD_SLOTS; to++)
			if (to != i)
				observe_ring(&observer, i, to, &ring, findings);
	}
	observe_close(&observer);
}

#define RINGS 0x6000u

/* The word that one memory has at (offset), wherever a split region has it. */
static uint8_t *word_at(uint64_t offset)
{
	uint32_t number = (uint32_t)((offset - RINGS) / WORLD_RING), from, to;
	uint64_t in = (offset - RINGS) % WORLD_RING;
	struct ring ring;

	if (!world_is_split() || offset < IVSH_WIRE_SLOTS_OFFSET)
		return world.memory + offset;
	if (offset < RINGS)
		return (uint8_t *)world_slot(0) + (offset - IVSH_WIRE_SLOTS_OFFSET);
	from = number / (WORLD_SLOTS - 1);
	to = number % (WORLD_SLOTS - 1);
	ring = world_ring(from, to + (to >= from));
	return in >= 128 && in < 256 ? (uint8_t *)ring.receiver + (in - 128)
				     : (uint8_t *)ring.sender + in;
}

/* Where a finding says that its word is. */
static uint8_t *found_at(const struct observe_finding *f)
{
	uint8_t *memory = world.memory;

	if (f->memory != 0)
		memory = (uint8_t *)world_slot(f->memory - 1) -
			 IVSH_WIRE_PART_SLOT_OFFSET(f->memory - 1);
	return memory + f->offset;
}

static const struct observe_finding *find(const struct observe_findings *f, uint64_t offset)
{
	for (uint32_t i = 0; i < f->kept; i++)
		if (found_at(&f->list[i]) == word_at(offset))
			return &f->list[i];
	return NULL;
}

#define H(field) offsetof(struct ivsh_wire_header, field)
#define S(field) (IVSH_WIRE_SLOTS_OFFSET + offsetof(struct ivsh_wire_slot, field))
#define PAGE(field) (IVSH_WIRE_SERVER_OFFSET + offsetof(struct ivsh_wire_server, field))
#define RING(field) (RINGS + offsetof(struct ivsh_wire_ring, field)) /* from 0 to 1 */
#define UNUSED(field) (RING(field) + 2 * WORLD_RING)                 /* from 0 to 3 */
#define DESC(i, field) (RINGS + 256 + (i) % DESCS * 16 + offsetof(struct ivsh_wire_desc, field))
#define BROKEN OBSERVE_BROKEN
#define UNSURE OBSERVE_UNSURE

/* After 100 messages that were read, and 10 that are in flight: 100 to 109, of the second round. */
static void named(void)
{
	static const struct {
		const char *row, *word, *rule;
		uint64_t offset, value;
		uint32_t size; /* of what is stored */
		enum observe_grade grade;
		uint64_t at; /* of the finding, if it is elsewhere */
	} rows[] = {
	    {"magic", "header.magic", "R3.3", H(magic), 0x1234567, 8, BROKEN, 0},
	    {"no magic", "header.magic", "R3.5", H(magic), 0, 8, UNSURE, 0},
	    {"half a magic", "header.magic", "R1.3.4", H(magic), 0x48535649, 8, UNSURE, 0},
	    {"version", "header.version", "R3.6.4", H(version), 3, 4, BROKEN, 0},
	    {"features", "header.features", "R3.6.4", H(features), 4, 4, BROKEN, 0},
	    {"logs of nothing", "header.features", "R3.1.4", H(features), 1, 4, BROKEN, 0},
	    {"size", "header.size", "R3.6.3", H(size), 4096, 8, BROKEN, 0},
	    {"slots", "header.slots", "R3.6.3", H(slots), 257, 4, BROKEN, 0},
	    {"descs", "header.descs", "R3.6.3", H(descs), 48, 4, BROKEN, 0},
	    {"small area", "header.small_size", "R3.6.3", H(small_size), 512, 4, BROKEN, 0},
	    {"large area", "header.large_size", "R3.6.3", H(large_size), 2048, 4, BROKEN, 0},
	    {"connection of no slot", "server.connection", "R4.1.1", PAGE(connection[9]), 1, 4,
		UNSURE, 0},
	    {"no epoch", "server.epoch", "R4.1.4", PAGE(change), 5, 4, UNSURE, PAGE(epoch)},
	    {"state", "slot.state", "R5.3.3", S(state), 3, 4, BROKEN, 0},
	    {"no incarnation", "slot.incarnation", "R5.3.1", S(incarnation), 0, 4, BROKEN, 0},
	    {"no nonce", "slot.nonce", "R5.2.1", S(nonce), 0, 8, UNSURE, 0},
	    {"sequence", "slot.sequence", "R5.7.1", S(sequence), 7, 4, UNSURE, 0},
	    {"name", "slot.name", "R5.7.3", S(name[0]), 0x1b, 1, BROKEN, 0},
	    {"name's last byte", "slot.name", "R5.7.3", S(name[31]), 'x', 1, BROKEN, 0},
	    {"service", "slot.service", "R5.7.3", S(service[0].name[1]), 0xff, 1, BROKEN, 0},
	    {"metric's kind", "slot.metric.kind", "R5.15.6", S(metric[1].kind), 3, 4, BROKEN, 0},
	    {"metric's name", "slot.metric.name", "R5.15.6", S(metric[1].name[2]), 'A', 1, BROKEN,
		0},
	    {"metric without a name", "slot.metric.name", "R5.15.6", S(metric[1].name[0]), 0, 1,
		BROKEN, 0},
	    {"a metric's name goes on", "slot.metric.name", "R5.15.6", S(metric[1].name[39]), 'a',
		1, BROKEN, 0},
	    {"vectors", "slot.vectors", "R8.4.4", S(vectors), 4096, 4, UNSURE, 0},
	    {"generation", "sender.generation", "R6.3.6", RING(sender.generation), 5, 4, UNSURE, 0},
	    {"reset_ack", "sender.reset_ack", "R6.4.3", RING(sender.reset_ack), 5, 4, UNSURE, 0},
	    {"start", "sender.start", "R6.3.1", RING(sender.start), 3, 4, BROKEN, 0},
	    {"sender's flags", "sender.notify_flags", "R6.6.5", RING(sender.notify_flags), 2, 4,
		BROKEN, 0},
	    {"receiver's flags", "receiver.notify_flags", "R6.6.5", RING(receiver.notify_flags), 16,
		4, BROKEN, 0},
	    {"a later incarnation", "sender.incarnation", "R5.3.2", RING(sender.incarnation), 9, 4,
		UNSURE, 0},
	    {"requests a vector", "receiver.notify_request", "R8.4.4",
		RING(receiver.notify_request), 0x1fff, 4, UNSURE, 0},
	    {"read ahead", "receiver.read", "R7.5.4", RING(receiver.read), 111, 4, BROKEN, 0},
	    {"read behind", "receiver.read", "R7.5.4", RING(receiver.read), 45, 4, BROKEN, 0},
	    {"read nowhere", "receiver.read", "R7.5.4", RING(receiver.read), 12345, 4, BROKEN, 0},
	    {"read at the start", "receiver.read", "R7.5.4", RING(receiver.read), 0, 4, BROKEN, 0},
	    {"wrap counter in flight", "desc.control", "R7.9.2", DESC(101, control) + 6, 77, 2,
		BROKEN, DESC(101, control)},
	    {"wrap counter released", "desc.control", "R7.4", DESC(90, control) + 6, 77, 2, BROKEN,
		DESC(90, control)},
	    {"wrap counter to come", "desc.control", "R7.9.2", DESC(110, control) + 6, 77, 2,
		BROKEN, DESC(110, control)},
	    {"bit 31", "desc.control", "R7.7.2", DESC(100, control) + 3, 0x80, 1, BROKEN,
		DESC(100, control)},
	    {"inline of 9", "desc.control", "R7.7.2", DESC(100, control), 9, 4, BROKEN, 0},
	    {"payload of 0", "desc.control", "R7.7.3", DESC(101, control), 1u << 28, 4, BROKEN, 0},
	    {"payload off a line", "desc.body", "R7.7.3", DESC(101, body), 72, 8, BROKEN, 0},
	    {"payload above 2^32", "desc.body", "R7.7.3", DESC(101, body) + 4, 1, 4, BROKEN,
		DESC(101, body)},
	    {"payload beyond", "desc.control", "R7.7.3", DESC(101, control), 0x1fffffff, 4, BROKEN,
		0},
	    {"packed of 0", "desc.control", "R7.12.4", DESC(101, control), 3u << 28, 4, BROKEN, 0},
	    {"packed beyond", "desc.control", "R7.12.4", DESC(101, control),
		3u << 28 | 63u << 22 | 512, 4, BROKEN, 0},
	    {"payload elsewhere", "desc.body", "R7.6.2", DESC(103, body), 0x40, 8, BROKEN, 0},
	    {"unused: descriptor", "desc.control", "R3.1.1", UNUSED(sender) + 256, 1, 8, BROKEN, 0},
	    {"unused: read", "receiver.read", "R7.5.4", UNUSED(receiver.read), 1, 4, BROKEN, 0},
	    {"unused: request", "receiver.reset_request", "R3.1.1", UNUSED(receiver.reset_request),
		1, 4, BROKEN, 0},
	};

	make(100, 10);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct observe_finding *found;
		struct observe_findings findings;

		test_row(rows[i].row);
		memcpy(world.memory, sound, sizeof(sound));
		memcpy(word_at(rows[i].offset), &rows[i].value, rows[i].size);
		look(&findings);
		found = find(&findings, rows[i].at ? rows[i].at : rows[i].offset);
		CHECK(found);
		if (!found)
			continue;
		CHECK_EQ(strcmp(found->word, rows[i].word), 0);
		CHECK_EQ(strcmp(found->rule, rows[i].rule), 0);
		CHECK_EQ(found->grade, rows[i].grade);
	}
}

/* A hole in the messages in flight, which go on behind it in the next round. */
static void hole(void)
{
	static const uint16_t wrap = 77;
	const struct observe_finding *found;
	struct observe_findings findings;

	make(120, 10);
	memcpy(word_at(DESC(125, control)) + 6, &wrap, sizeof(wrap));
	look(&findings);
	found = find(&findings, DESC(125, control));
	NEED_EQ(found != NULL, 1);
	CHECK_EQ(strcmp(found->rule, "R6.6.3"), 0);
	CHECK_EQ(findings.broken, 1);
}

/* What nobody damaged is not found. */
static void unharmed(void)
{
	struct observe_findings findings;

	for (uint32_t passed = 0; passed < 200; passed += 7) {
		make(passed, passed % 10);
		look(&findings);
		CHECK_EQ(findings.kept, 0);
	}
}

/* A word that a rule decides about, at random, in a region as make(100, 10) leaves it. */
static uint64_t word_choose(uint32_t *seed, uint32_t *size, uint64_t *low, bool *any)
{
	static const struct {
		uint64_t offset;
		uint32_t size;
		uint64_t most; /* of a value that may be right; the chosen one is above */
	} rows[] = {
	    {H(magic), 8, 0},
	    {H(version), 4, 2},
	    {H(features), 4, 0},
	    {H(size), 8, 0},
	    {H(slots), 4, 0},
	    {H(descs), 4, 0},
	    {H(small_size), 4, 0},
	    {H(large_size), 4, 0},
	    {S(state), 4, 2},
	    {RING(sender.generation), 4, 0},
	    {RING(sender.reset_ack), 4, 0},
	    {RING(receiver.reset_request), 4, 0},
	    {RING(receiver.generation_ack), 4, 0},
	    {RING(receiver.read), 4, 110},
	    {RING(sender.notify_flags), 4, 7},
	    {RING(receiver.notify_flags), 4, 15},
	    {UNUSED(sender.generation), 4, 0},
	    {UNUSED(receiver.read), 4, 0},
	    {UNUSED(receiver.generation_ack), 4, 0},
	};
	uint32_t i = world_random(seed) % (sizeof(rows) / sizeof(rows[0]) + 2);

	*any = false;
	*size = 8;
	if (i == sizeof(rows) / sizeof(rows[0])) { /* a wrap counter */
		*low = 8;
		*size = 2;
		return DESC(world_random(seed) % DESCS, control) + 6;
	}
	if (i > sizeof(rows) / sizeof(rows[0])) { /* a position in flight, of an area */
		uint32_t index = 101 + world_random(seed) % 9;

		*low = 0;
		*any = index % 5 == 0;
		return DESC(index, body);
	}
	*low = rows[i].most;
	*size = rows[i].size;
	return rows[i].offset;
}

/* One word is damaged: the observer finds something, at the word unless that is the header's. */
static void one_word(void)
{
	uint32_t seed = 11, hidden = 0;

	make(100, 10);
	for (uint32_t i = 0; i < ROUNDS; i++) {
		struct observe_findings findings;
		uint64_t offset, value, old = 0, low;
		uint32_t size;
		bool any;

		offset = word_choose(&seed, &size, &low, &any);
		value = (uint64_t)world_random(&seed) << 32 | world_random(&seed);
		memcpy(world.memory, sound, sizeof(sound));
		memcpy(&old, word_at(offset), size);
		if (size < 8)
			value &= (UINT64_C(1) << size * 8) - 1;
		if (any || value <= low || value == old ||
		    (offset == RING(receiver.read) && value % (DESCS * 65536u) <= 110))
			continue;
		memcpy(word_at(offset), &value, size);
		look(&findings);
		hidden += findings.broken + findings.unsure == 0;
		if (findings.broken + findings.unsure == 0) {
			printf("hidden: 0x%llx = 0x%llx\n", (unsigned long long)offset,
			    (unsigned long long)value);
		}
	}
	CHECK_EQ(hidden, 0);
}

/* Standard output goes nowhere meanwhile: (survey_print) prints a lot. */
static int silence(int back)
{
	int kept = -1, null;

	fflush(stdout);
	if (back >= 0) {
		dup2(back, STDOUT_FILENO);
		close(back);
		return -1;
	}
	kept = dup(STDOUT_FILENO);
	null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	dup2(null, STDOUT_FILENO);
	close(null);
	return kept;
}

/* What ls does with a region: no crash. */
static void list(const struct ivsh_mem *mem)
{
	struct ivsh_attach attach = {0};
	struct ivsh_region region;
	struct ivsh_counters counters;
	struct ivsh_service service;
	struct ivsh_peer peer = {0};

	if (ivsh_region_probe(&region, mem, &attach))
		return;
	for (uint32_t i = 0; i < region.geometry.slots; i++) {
		CHECK(ivsh_region_peer(&region, i, &peer) <= 0);
		CHECK(ivsh_region_counters(&region, i, &counters) == 0 || world_is_split());
		for (uint32_t n = 0; n < IVSH_WIRE_SERVICES; n++)
			CHECK(ivsh_region_service(&region, i, n, &service) <= 0);
	}
}

/* The transport of an observer of a copy of the world's memory. */
static struct ivsh_mem mem_of(uint8_t *copy)
{
	struct ivsh_mem mem = world_mem(IVSH_SELF_NONE);

	mem.base = copy;
	for (uint32_t i = 0; i < mem.part_count; i++)
		mem.parts[i].base = copy + world_offset(mem.parts[i].base);
	return mem;
}

/* Random bytes, or a region with many damaged words: both looks end, and nothing is written. */
static void any_bytes(void)
{
	uint8_t *memory =
	    mmap(NULL, WORLD_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint32_t seed = 5, wrong = 0;
	struct ivsh_mem mem;
	int out;

	make(100, 10);
	NEED_EQ(memory == MAP_FAILED, 0);
	mem = mem_of(memory);
	out = silence(-1);
	for (uint32_t i = 0; i < ROUNDS; i++) {
		uint32_t damage = 1 + world_random(&seed) % 200;
		struct survey s = {.mem = mem, .rows = 4, .parts = 0x3f};

		mprotect(memory, WORLD_SIZE, PROT_READ | PROT_WRITE);
		memcpy(memory, sound, WORLD_SIZE);
		for (uint32_t n = 0; n < damage; n++) {
			uint32_t at = i % 3 == 0 ? world_random(&seed) % (WORLD_SIZE / 4)
						 : world_random(&seed) % (0x10000 / 4);
			uint32_t value = world_random(&seed);

			/* The header stays, mostly: else nothing is looked at. */
			if (at >= 16 || i % 8 == 0)
				memcpy(memory + at * 4, &value, 4);
		}
		/* A store would end this test. */
		mprotect(memory, WORLD_SIZE, PROT_READ);
		list(&mem);
		wrong += survey_begin(&s, i & 1 ? &geometry : NULL) != 0;
		survey_print(&s);
		survey_end(&s);
	}
	(void)silence(out);
	munmap(memory, WORLD_SIZE);
	CHECK_EQ(wrong, 0);
}

/* The line of a log: what stands in none that a peer has left at rest. */
static void logs(void)
{
	static const struct ivsh_wire_log whole = {
	    .position = 9000, .storing = 9100, .first = 4904, .begin = 100, .incarnation = 2};
	static const struct {
		const char *word, *rule;
		size_t offset;
		uint64_t value;
		uint32_t size;
	} rows[] = {
	    {"log.incarnation", "R15.1.2", offsetof(struct ivsh_wire_log, incarnation), 3, 4},
	    {"log.begin", "R15.1.2", offsetof(struct ivsh_wire_log, begin), 9001, 8},
	    {"log.storing", "R15.2.1", offsetof(struct ivsh_wire_log, storing), 8999, 8},
	    {"log.storing", "R15.2.4", offsetof(struct ivsh_wire_log, storing), 13097, 8},
	    {"log.first", "R15.1.4", offsetof(struct ivsh_wire_log, first), 9001, 8},
	};
	struct observed_slot slot = {.copy = {.incarnation = 2}};
	struct observe_findings findings = {0};
	struct ivsh_wire_log line = whole;
	struct observed_log log;

	observe_log(&line, 0, 4096, &slot, &log, &findings);
	CHECK_EQ(findings.broken + findings.unsure, 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		test_row(rows[i].word);
		line = whole;
		memcpy((char *)&line + rows[i].offset, &rows[i].value, rows[i].size);
		memset(&findings, 0, sizeof(findings));
		observe_log(&line, 0, 4096, &slot, &log, &findings);
		CHECK_EQ(findings.unsure, 1);
		CHECK_EQ(findings.list[0].offset, rows[i].offset);
		CHECK(strcmp(findings.list[0].word, rows[i].word) == 0);
		CHECK(strcmp(findings.list[0].rule, rows[i].rule) == 0);
	}
}

/* --- Split regions ------------------------------------------------------------------------- */

#define P(field) offsetof(struct ivsh_wire_part, field)

/* A part's header, damaged: the word, its rule, and whether the rest of the part is looked at. */
static void part_named(void)
{
	static const struct {
		const char *row, *word, *rule;
		size_t offset;
		uint64_t value;
		uint32_t size;
		enum observe_grade grade;
		enum observed_part_state state;
		bool is_out;
	} rows[] = {
	    {"magic", "part.magic", "R17.4.1", P(magic), 0x1234567, 8, BROKEN,
		OBSERVED_PART_FOREIGN, false},
	    {"a region's", "part.magic", "R17.4.1", P(magic), IVSH_WIRE_MAGIC, 8, BROKEN,
		OBSERVED_PART_FOREIGN, false},
	    {"no magic", "part.magic", "R17.3.2", P(magic), 0, 8, UNSURE, OBSERVED_PART_UNFORMATTED,
		false},
	    {"half a magic", "part.magic", "R17.3.2", P(magic), 0x48535649, 8, UNSURE,
		OBSERVED_PART_UNFORMATTED, false},
	    {"version", "part.version", "R17.4.1", P(version), 3, 4, BROKEN, OBSERVED_PART_DAMAGED,
		false},
	    {"features", "part.features", "R17.4.1", P(features), 0, 4, BROKEN,
		OBSERVED_PART_DAMAGED, false},
	    {"size", "part.size", "R17.4.1", P(size), 4096, 8, BROKEN, OBSERVED_PART_DAMAGED,
		false},
	    {"slots", "part.slots", "R17.4.1", P(slots), 2, 4, BROKEN, OBSERVED_PART_DAMAGED,
		false},
	    {"descs", "part.descs", "R17.4.1", P(descs), 128, 4, BROKEN, OBSERVED_PART_DAMAGED,
		false},
	    {"small area", "part.small_size", "R17.4.1", P(small_size), 1024, 4, BROKEN,
		OBSERVED_PART_DAMAGED, false},
	    {"large area", "part.large_size", "R17.4.1", P(large_size), 1 << 20, 4, BROKEN,
		OBSERVED_PART_DAMAGED, false},
	    {"log", "part.log_size", "R17.4.1", P(log_size), 4096, 4, BROKEN, OBSERVED_PART_DAMAGED,
		false},
	    {"another's slot", "part.slot", "R17.4.3", P(slot), 1, 4, BROKEN, OBSERVED_PART_DAMAGED,
		false},
	    {"no slot", "part.slot", "R17.4.3", P(slot), UINT32_MAX, 4, BROKEN,
		OBSERVED_PART_DAMAGED, false},
	    {"another format", "part.format_id", "R17.4.1", P(format_id), 2, 8, UNSURE,
		OBSERVED_PART_FORMAT, true},
	};
	struct ivsh_mem mem;

	if (!world_is_split())
		return;
	make(100, 10);
	mem = world_mem(IVSH_SELF_NONE);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint8_t *header = (uint8_t *)world_slot(0) - IVSH_WIRE_PART_SLOT_OFFSET(0);
		struct observe_findings findings = {0};
		struct observed_part part;
		struct observed_ring ring;
		struct observed_slot slot;
		struct observer observer;

		test_row(rows[i].row);
		memcpy(world.memory, sound, sizeof(sound));
		memcpy(header + rows[i].offset, &rows[i].value, rows[i].size);
		NEED_EQ(observe_open(&observer, &mem, &geometry, true), 0);
		observer.format_id = 1;
		observe_part(&observer, 0, &part, &findings);
		CHECK_EQ(part.state, rows[i].state);
		CHECK_EQ(findings.kept, 1);
		CHECK(findings.kept && found_at(&findings.list[0]) == header + rows[i].offset);
		CHECK_EQ(strcmp(findings.list[0].word, rows[i].word), 0);
		CHECK_EQ(strcmp(findings.list[0].rule, rows[i].rule), 0);
		CHECK_EQ(findings.list[0].grade, rows[i].grade);
		/* The rest is looked at, or not; that of others is in any case. */
		CHECK_EQ(observe_slot(&observer, 0, &slot, &findings), !rows[i].is_out);
		CHECK_EQ(observe_slot(&observer, 1, &slot, &findings), true);
		observe_ring(&observer, 0, 1, &ring, &findings);
		CHECK_EQ(ring.state, rows[i].is_out ? OBSERVED_ABSENT : OBSERVED_IN_STEP);
		CHECK_EQ(ring.is_known ? ring.end - ring.read : 0, rows[i].is_out ? 0 : 10);
		CHECK_EQ(findings.kept, 1);
		/* --layout says what it is, whatever the header says. */
		observer.is_any = true;
		observe_part(&observer, 0, &part, &findings);
		observe_ring(&observer, 0, 1, &ring, &findings);
		CHECK_EQ(ring.state, OBSERVED_IN_STEP);
		observe_close(&observer);
	}
}

/* Each part is missing, or cut anywhere, in turn: nothing beyond its end is looked at. */
static void part_cut(void)
{
	struct ivsh_mem mem;
	uint32_t page = 4096;

	if (!world_is_split())
		return;
	make(100, 10);
	for (uint32_t cut = 0; cut < 2 * WORLD_SLOTS * 32; cut++) {
		struct survey s = {.rows = 4, .parts = 0x3f};
		uint32_t i = cut / 32 % WORLD_SLOTS, pages = cut % 32;
		uint8_t *copy = mmap(
		    NULL, WORLD_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		int out;

		NEED_EQ(copy == MAP_FAILED, 0);
		memcpy(copy, sound, sizeof(sound));
		s.mem = mem = mem_of(copy);
		if (pages == 0)
			mem.parts[i].base = NULL;
		else if (pages * (uint64_t)page < mem.parts[i].size)
			mem.parts[i].size = pages * (uint64_t)page;
		/* What is behind its end is not there. */
		if (mem.parts[i].base) {
			uint8_t *end = (uint8_t *)mem.parts[i].base + mem.parts[i].size;
			uint64_t whole;

			NEED_EQ(ivsh_part_size(&geometry, &whole), 0);
			NEED_EQ(mprotect(end, (size_t)(whole - mem.parts[i].size), PROT_NONE), 0);
		}
		list(&mem);
		out = silence(-1);
		NEED_EQ(survey_begin(&s, cut & 1 ? &geometry : NULL), 0);
		survey_print(&s);
		survey_end(&s);
		(void)silence(out);
		/* The others' are shown: 56 rings, and 14 of a part that is not there. */
		CHECK_EQ(s.checked, WORLD_SLOTS * (WORLD_SLOTS - 1));
		CHECK(pages != 0 || s.absent == 2 * (WORLD_SLOTS - 1));
		CHECK_EQ(s.broken, 0);
		munmap(copy, WORLD_SIZE);
	}
}

/* Two memories say that they are one slot's, and nobody knows better: neither is. SPEC R17.4.4. */
static void part_twice(void)
{
	struct observe_findings findings = {0};
	struct observed_part part;
	struct observer observer;
	struct ivsh_wire_part *header;
	struct ivsh_mem mem;

	if (!world_is_split())
		return;
	make(0, 0);
	mem = world_mem(IVSH_SELF_NONE);
	for (uint32_t i = 0; i < mem.part_count; i++)
		mem.parts[i].slot = IVSH_SELF_NONE;
	header = (void *)((uint8_t *)world_slot(3) - IVSH_WIRE_PART_SLOT_OFFSET(3));
	header->slot = 1;
	header = (void *)((uint8_t *)world_slot(5) - IVSH_WIRE_PART_SLOT_OFFSET(5));
	header->magic++;
	NEED_EQ(observe_open(&observer, &mem, &geometry, true), 0);
	observer.format_id = 1;
	observe_part(&observer, 1, &part, &findings);
	CHECK_EQ(part.state, OBSERVED_PART_TWICE);
	observe_part(&observer, 5, &part, &findings);
	CHECK_EQ(part.state, OBSERVED_PART_MISSING);
	CHECK_EQ(observer.nobodys, 1);
	observe_part(&observer, 3, &part, &findings);
	CHECK_EQ(part.state, OBSERVED_PART_MISSING);
	observe_part(&observer, 2, &part, &findings);
	CHECK_EQ(part.state, OBSERVED_PART_SOUND);
	observe_close(&observer);
}

int main(void)
{
	static const struct test tests[] = {
	    {"parts: the damaged word, its rule, and the rest", part_named},
	    {"parts: missing, or cut anywhere", part_cut},
	    {"parts: two that claim one slot", part_twice},
	    {"logs: the word and its rule", logs},
	    {"named: the damaged word and its rule", named},
	    {"named: a hole in flight", hole},
	    {"unharmed: nothing is found", unharmed},
	    {"one word: no damage is hidden", one_word},
	    {"any bytes: two looks, on a memory that cannot be written", any_bytes},
	};

	return test_main("observe", tests, sizeof(tests) / sizeof(tests[0]));
}
