/* SPDX-License-Identifier: MIT */
/*
 * generation_test.c - the VM generation, over a fw_cfg device that has any content, and lies.
 */
#include "bare/fw_cfg.h"
#include "bare/generation.h"
#include "tests/lib/test.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

#define MS UINT64_C(1000000)
#define FIRST UINT64_C(0x1111111111111111)
#define SECOND UINT64_C(0x2222222222222222)
#define FILES 8u
#define BYTES 64u

/* --- A fw_cfg device: QEMU, docs/specs/fw_cfg.rst --------------------------------------------- */

struct file {
	char name[BARE_FW_CFG_NAME];
	uint8_t bytes[BYTES];
	uint32_t size;
};

static struct {
	struct file files[FILES];
	uint32_t count; /* what the directory says; its entries beyond FILES are the last one */
	bool silent;    /* never completes an operation */
	uint32_t fails; /* the operation, counted from 1, that ends with an error; 0: none */
	uint32_t operations;
	uint16_t selected;
	uint32_t at;
} device;

static uint8_t directory_byte(uint32_t at)
{
	uint32_t index = (at - 4) / 64, in = (at - 4) % 64;
	uint32_t file = index < FILES ? index : FILES - 1;
	uint8_t entry[64] = {0};
	uint32_t count = htobe32(device.count), size = htobe32(device.files[file].size);
	uint16_t selector = htobe16((uint16_t)(0x20 + file));

	if (at < 4)
		return ((uint8_t *)&count)[at];
	memcpy(entry, &size, sizeof(size));
	memcpy(entry + 4, &selector, sizeof(selector));
	memcpy(entry + 8, device.files[file].name, BARE_FW_CFG_NAME);
	return entry[in];
}

static uint8_t *data_byte(uint32_t at)
{
	static uint8_t nothing;
	struct file *file = &device.files[(device.selected - 0x20u) % FILES];

	nothing = 0;
	return at < file->size && at < BYTES ? &file->bytes[at] : &nothing;
}

static void transfer(uint32_t control, uint8_t *bytes, uint32_t length)
{
	for (uint32_t i = 0; i < length; i++, device.at++) {
		if (control & 0x10)
			*data_byte(device.at) = bytes[i];
		else if (control & 0x02)
			bytes[i] = device.selected == 0x19 ? directory_byte(device.at)
							   : *data_byte(device.at);
	}
}

static void start(uint64_t address)
{
	struct {
		uint32_t control, length;
		uint64_t address;
	} access;
	uint32_t control, done = 0;

	memcpy(&access, (void *)(uintptr_t)address, sizeof(access));
	control = be32toh(access.control);
	device.operations++;
	if (device.silent)
		return;
	if (control & 0x08) {
		device.selected = (uint16_t)(control >> 16);
		device.at = 0;
	}
	if (device.operations == device.fails)
		done = htobe32(1);
	else
		transfer(
		    control, (uint8_t *)(uintptr_t)be64toh(access.address), be32toh(access.length));
	memcpy((void *)(uintptr_t)address, &done, sizeof(done));
}

static const struct bare_fw_cfg cfg = {start};

/* --- The machine ------------------------------------------------------------------------------ */

static uint64_t ram[2] __attribute__((aligned(16)));
static bool maps, event_set;
static uint32_t moves_in; /* looks at the event until the machine is moved, behind it; 0: never */
static uint32_t events;
static uint64_t number;

static void *map(uint64_t address, uint64_t size)
{
	CHECK_EQ(address, 0x1000028);
	CHECK_EQ(size, 16);
	return maps ? ram : NULL;
}

static bool event(void)
{
	bool was = event_set;

	events++;
	event_set = false;
	if (moves_in > 0 && --moves_in == 0) {
		ram[0] = 5;
		event_set = true;
	}
	return was;
}

static uint64_t random_number(void)
{
	return number += 0x100;
}

static struct file *add(const char *name, const void *bytes, uint32_t size)
{
	struct file *file = &device.files[device.count++];

	strcpy(file->name, name);
	memcpy(file->bytes, bytes, size);
	file->size = size;
	return file;
}

static void add_address(uint64_t address)
{
	uint64_t bytes = htole64(address);

	add("etc/vmgenid_addr", &bytes, sizeof(bytes));
}

static struct file *add_text(const char *text)
{
	return add("opt/ivsh/generation", text, (uint32_t)strlen(text));
}

static void clean(void)
{
	memset(&device, 0, sizeof(device));
	add("bootorder", "", 0);
	ram[0] = FIRST;
	ram[1] = SECOND;
	maps = true;
	event_set = false;
	moves_in = 0;
	bare_generation_close();
	bare_generation_state.polled_ns = 0;
}

static const volatile uint64_t *open_with(const struct bare_fw_cfg *fw_cfg, bool owns_memory)
{
	const struct bare_generation_source source = {
	    fw_cfg, map, event, random_number, owns_memory};

	bare_generation_open(&source);
	return bare_generation();
}

static const volatile uint64_t *open_all(void)
{
	return open_with(&cfg, false);
}

/* --- What there is ---------------------------------------------------------------------------- */

static void nothing(void)
{
	clean();
	CHECK(open_with(NULL, true) == NULL);
	CHECK_EQ(device.operations, 0);
	CHECK(open_all() == NULL);
	CHECK_EQ(bare_generation_identity(), 0);
	bare_generation_poll(1000 * MS);
}

static void guid_in_ram(void)
{
	clean();
	add_address(0x1000028);
	CHECK(open_all() == &ram[0]);
	CHECK_EQ(bare_generation_identity(), SECOND);
}

/* QEMU takes the low half of the address. An address that cannot be loaded from is none. */
static void guid_address(void)
{
	clean();
	add_address(UINT64_C(0xabcd000001000028));
	CHECK(open_all() == &ram[0]);
	clean();
	add_address(0x100002c);
	CHECK(open_all() == NULL);
	clean();
	add_address(0x1000028);
	maps = false;
	CHECK(open_all() == NULL);
	add_text("one");
	CHECK(open_all() != NULL);
	CHECK_EQ(bare_generation_identity(), 0);
}

/* No firmware has reserved memory: the program's own, if it has any for ever. */
static void guid_in_own_memory(void)
{
	const volatile uint64_t *word;
	uint64_t bytes[7] = {0, 0, 0, 0, 0, FIRST, SECOND}, address;

	clean();
	add_address(0);
	add("etc/vmgenid_guid", bytes, sizeof(bytes));
	CHECK(open_with(&cfg, false) == NULL);
	word = open_with(&cfg, true);
	NEED_EQ(word != NULL, 1);
	CHECK_EQ(bare_generation_identity(), SECOND);
	memcpy(&address, device.files[1].bytes, sizeof(address));
	CHECK_EQ(le64toh(address), (uintptr_t)word);
	bare_generation_close();
	CHECK_EQ(*word, FIRST);
}

/* --- What changes ----------------------------------------------------------------------------- */

/*
 * QEMU writes the GUID, and sets the event: it is seen by a load, also if the GUID is the same. The
 * next read of the clock edits it, so that the next time is seen, too.
 */
static void rewritten(void)
{
	static const uint64_t guids[] = {FIRST, FIRST, 5, 5, FIRST};
	const volatile uint64_t *word;
	uint64_t before;

	clean();
	add_address(0x1000028);
	event_set = true; /* of a time before the start */
	word = open_all();
	NEED_EQ(word != NULL, 1);
	before = *word;
	CHECK(before != FIRST);
	bare_generation_refresh(100 * MS, 10 * MS);
	CHECK_EQ(*word, before);
	for (unsigned i = 0; i < sizeof(guids) / sizeof(guids[0]); i++) {
		ram[0] = guids[i];
		event_set = true;
		CHECK(*word != before);
		bare_generation_refresh(100 * MS, 10 * MS);
		CHECK(*word != before && *word != guids[i]);
		CHECK_EQ(event_set, false);
		before = *word;
		bare_generation_refresh(200 * MS, 10 * MS);
		CHECK_EQ(*word, before);
	}
	CHECK_EQ(ram[1], SECOND);
	bare_generation_close();
	CHECK_EQ(ram[0], FIRST);
}

/* The event alone edits the word, each time to another value, and leaves the other half. */
static void edited(void)
{
	const volatile uint64_t *word;
	uint64_t before;

	clean();
	add_address(0x1000028);
	word = open_all();
	NEED_EQ(word != NULL, 1);
	before = *word;
	for (unsigned round = 1; round < 4; round++) {
		event_set = true;
		bare_generation_poll(round * 10 * MS);
		CHECK(*word != before && *word != FIRST);
		before = *word;
		bare_generation_poll(round * 10 * MS + MS);
		CHECK_EQ(*word, before);
	}
	CHECK_EQ(ram[1], SECOND);
	bare_generation_close();
	CHECK_EQ(ram[0], FIRST);
}

/* The text: at most every 20 ms, and wherever this QEMU has it. */
static void text(void)
{
	const volatile uint64_t *word;
	uint64_t before;
	struct file *file;

	clean();
	file = add_text("one");
	word = open_all();
	NEED_EQ(word != NULL, 1);
	bare_generation_poll(100 * MS);
	before = *word;
	file->bytes[0] = 'O';
	bare_generation_poll(119 * MS);
	CHECK_EQ(*word, before);
	bare_generation_poll(120 * MS);
	CHECK(*word != before);
	before = *word;
	/* Another QEMU, with a file more in front of it. */
	device.files[2] = device.files[1];
	strcpy(device.files[1].name, "opt/a");
	device.count = 3;
	bare_generation_poll(140 * MS);
	CHECK_EQ(*word, before);
	strcpy(device.files[2].name, "opt/b"); /* gone */
	bare_generation_poll(160 * MS);
	CHECK(*word != before);
	before = *word;
	bare_generation_poll(180 * MS);
	CHECK_EQ(*word, before);
}

/* Where a device is opened, the text is read at once. */
static void text_now(void)
{
	const volatile uint64_t *word;
	uint64_t before;
	struct file *file;

	clean();
	file = add_text("one");
	word = open_all();
	NEED_EQ(word != NULL, 1);
	bare_generation_poll(100 * MS);
	before = *word;
	file->bytes[0] = 'O';
	bare_generation_poll_all(101 * MS);
	CHECK(*word != before);
	before = *word;
	bare_generation_poll_all(102 * MS);
	CHECK_EQ(*word, before);
}

/* All three at once are one change, once the clock was read. */
static void one_change(void)
{
	const volatile uint64_t *word;
	struct file *file;
	uint64_t after;

	clean();
	add_address(0x1000028);
	file = add_text("one");
	word = open_all();
	NEED_EQ(word != NULL, 1);
	bare_generation_poll(100 * MS);
	ram[0] = 7;
	file->bytes[0] = 'x';
	event_set = true;
	bare_generation_refresh(101 * MS, 10 * MS);
	after = *word;
	bare_generation_poll(200 * MS);
	CHECK_EQ(*word, after);
}

/* The machine stops most likely where it reads the port: a move just behind that is one change. */
static void moved_in_a_poll(void)
{
	const volatile uint64_t *word;
	uint64_t before, after;

	clean();
	add_address(0x1000028);
	word = open_all();
	NEED_EQ(word != NULL, 1);
	before = *word;
	moves_in = 1;
	bare_generation_refresh(100 * MS, 10 * MS);
	after = *word;
	CHECK(after != before && after != 5);
	bare_generation_refresh(200 * MS, 10 * MS);
	CHECK_EQ(*word, after);
	bare_generation_close();
	CHECK_EQ(ram[0], 5);
}

static void rate(void)
{
	clean();
	add_address(0x1000028);
	NEED_EQ(open_all() != NULL, 1);
	bare_generation_poll(100 * MS);
	events = 0;
	bare_generation_refresh(109 * MS, 10 * MS);
	CHECK_EQ(events, 0);
	bare_generation_refresh(110 * MS, 10 * MS);
	CHECK_EQ(events, 1);
	bare_generation_refresh(90 * MS, 10 * MS); /* a clock that went back */
	CHECK_EQ(events, 2);
}

/* --- What lies -------------------------------------------------------------------------------- */

/* No directory is searched for long, and no name is read beyond its field. */
static void directory(void)
{
	struct bare_fw_cfg_file file;

	clean();
	memset(device.files[0].name, 'n', BARE_FW_CFG_NAME);
	device.count = UINT32_MAX;
	CHECK(!bare_fw_cfg_find(&cfg, "opt/ivsh/generation", &file));
	CHECK(device.operations < 1000);
	memset(device.files[1].name, 'n', BARE_FW_CFG_NAME);
	CHECK(!bare_fw_cfg_find(&cfg, "n", &file));
	CHECK(!bare_fw_cfg_find(
	    &cfg, "nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn", &file));
}

static void silent(void)
{
	clean();
	add_address(0x1000028);
	device.silent = true;
	CHECK(open_all() == NULL);
	CHECK_EQ(device.operations, 2);
}

/* An error at any operation: there is a word or none, and polling goes on. */
static void errors(void)
{
	for (uint32_t fails = 1; fails < 40; fails++) {
		const volatile uint64_t *word;

		clean();
		add_address(0x1000028);
		add_text("one");
		device.fails = fails;
		word = open_all();
		bare_generation_poll(1000 * MS);
		bare_generation_poll(2000 * MS);
		CHECK(word == bare_generation());
	}
}

int main(void)
{
	static const struct test tests[] = {
	    {"nothing", nothing},
	    {"GUID in RAM", guid_in_ram},
	    {"address of the GUID", guid_address},
	    {"GUID in memory of the program", guid_in_own_memory},
	    {"GUID rewritten", rewritten},
	    {"event alone", edited},
	    {"text", text},
	    {"text at once", text_now},
	    {"all at once", one_change},
	    {"moved in a poll", moved_in_a_poll},
	    {"not too often", rate},
	    {"directory", directory},
	    {"silent device", silent},
	    {"errors", errors},
	};

	return test_main("generation", tests, sizeof(tests) / sizeof(tests[0]));
}
