/* SPDX-License-Identifier: MIT */
/*
 * open_test.c - opening nodes: defaults, the block's size, which slot, and why it is refused.
 */
#include "tests/lib/test.h"
#include "tests/node/town.h"

#include <string.h>

#define MS UINT64_C(1000000)

/* More than any node of these tests takes. */
static uint8_t large[4][IVSH_NODE_MEMORY + 4096];
static struct ivsh_node *plain[4];

/* Open a node without a slot: ivshmem-plain. */
static int open_plain(uint32_t i, struct ivsh_node_options *options)
{
	struct ivsh_mem mem = world_mem(IVSH_SELF_NONE);

	mem.doorbell.notify = NULL;
	mem.doorbell.vectors = 0;
	return ivsh_node_open(&plain[i], large[i], sizeof(large[i]), &mem, options);
}

/* All zero, or nothing at all, is a good choice: slot 0 formats, others wait. */
static void defaults(void)
{
	struct ivsh_node_options options = {0};
	struct ivsh_node *node;
	struct ivsh_mem mem;
	uint64_t size = 0;

	world_reset();
	mem = world_mem(0);
	NEED_EQ(ivsh_node_size(&mem, 0, &size), 0);
	CHECK_EQ(size, IVSH_NODE_MEMORY);
	NEED_EQ(ivsh_node_open(&node, large[0], IVSH_NODE_MEMORY, &mem, &options), 0);
	CHECK_EQ(node->slots, 8);
	CHECK_EQ(node->self, 0);
	CHECK_EQ(node->region.geometry.descs, IVSH_FIT_DESCS);
	CHECK_EQ(node->wait.mode, IVSH_WAIT_SPIN);
	CHECK_EQ(node->region.nonce != 0, true);
	CHECK_EQ(world_slot(0)->vectors, 4);
	mem = world_mem(5);
	NEED_EQ(ivsh_node_open(&plain[1], large[1], sizeof(large[1]), &mem, NULL), 0);
	CHECK_EQ(plain[1]->self, 5);
	CHECK(plain[1]->region.nonce != node->region.nonce);
	ivsh_node_close(node);
	CHECK_EQ(world_slot(0)->state, IVSH_WIRE_STATE_DETACHED);
}

static void other_options(void)
{
	struct ivsh_node_options options = {
	    .name = "alpha", .slots = 4, .flags = IVSH_NODE_POLL, .nonce = 1234};
	struct ivsh_mem mem;

	world_reset();
	mem = world_mem(0);
	NEED_EQ(ivsh_node_open(&plain[0], large[0], sizeof(large[0]), &mem, &options), 0);
	CHECK_EQ(plain[0]->slots, 4);
	CHECK_EQ(plain[0]->region.nonce, 1234);
	CHECK_EQ(plain[0]->wait.mode, IVSH_WAIT_POLL);
	CHECK_EQ(world_slot(0)->vectors, 0);
	CHECK_EQ(strcmp((const char *)world_slot(0)->name, "alpha"), 0);
	options = (struct ivsh_node_options){.flags = IVSH_NODE_SLEEP};
	mem = world_mem(1);
	NEED_EQ(ivsh_node_open(&plain[1], large[1], sizeof(large[1]), &mem, &options), 0);
	CHECK_EQ(plain[1]->wait.mode, IVSH_WAIT_SLEEP);
}

/* One byte less is too little, at any address; then the size that is needed is answered. */
static void block_size(void)
{
	struct ivsh_node_options options = {0};
	struct ivsh_mem mem;
	uint64_t size;

	world_format();
	mem = world_mem(0);
	NEED_EQ(ivsh_node_size(&mem, 0, &size), 0);
	CHECK_EQ(size, TOWN_BLOCK);
	for (uint32_t at = 0; at < 9; at++) {
		uint8_t *block = large[0] + at;

		memset(large, 0x5a, sizeof(large));
		CHECK_EQ(ivsh_node_open(&plain[0], block, size - 1, &mem, &options), IVSH_ENOSPC);
		CHECK_EQ(options.need_block, size);
		CHECK_EQ(options.need_size, 0);
		CHECK_EQ(world_slot(0)->state != IVSH_WIRE_STATE_ATTACHED, true);
		NEED_EQ(ivsh_node_open(&plain[0], block, size, &mem, &options), 0);
		CHECK_EQ(ivsh_node_send(plain[0], 7, 1, "x", 1, 0), 0);
		CHECK_EQ(block[size], 0x5a);
		ivsh_node_close(plain[0]);
	}
	CHECK_EQ(ivsh_node_open(&plain[0], large[0], 0, &mem, NULL), IVSH_ENOSPC);
	/* Another formats it meanwhile, and larger than we would have. */
	world_reset();
	CHECK_EQ(ivsh_node_open(&plain[0], large[0], 1000, &mem, &options), IVSH_ENOSPC);
	CHECK_EQ(options.need_block, IVSH_NODE_MEMORY);
	CHECK_EQ(world_header()->magic, 0);
}

static void format_now(void)
{
	struct ivsh_geometry geometry = {WORLD_SLOTS, 64, 4096, 8192, 0};

	if (world.slept_ns < 40 * MS)
		return;
	world.on_sleep = NULL;
	CHECK_EQ(ivsh_region_format(world.memory, WORLD_SIZE, &geometry, 1, false), 0);
}

/* A node that must not format waits for one that does. */
static void waits_for_format(void)
{
	struct ivsh_node_options options = {.flags = IVSH_NODE_NO_FORMAT, .timeout_ns = 90 * MS};
	struct ivsh_mem mem;

	for (uint32_t slot = 0; slot < 2; slot++) {
		world_reset();
		mem = world_mem(slot);
		CHECK_EQ(ivsh_node_open(&plain[0], large[0], sizeof(large[0]), &mem, &options),
		    IVSH_ENODEV);
		CHECK_EQ(world.slept_ns >= 90 * MS && world.slept_ns < 100 * MS, true);
		world_reset();
		world.on_sleep = format_now;
		NEED_EQ(ivsh_node_open(&plain[0], large[0], sizeof(large[0]), &mem, &options), 0);
		CHECK_EQ(plain[0]->slots, WORLD_SLOTS);
	}
}

/* Living peers go on while another claims. */
static void live(void)
{
	for (uint32_t i = 0; i < 4; i++)
		if (plain[i])
			CHECK_EQ(ivsh_node_wait(plain[i], 0, NULL), 0);
}

/* No server hands out slots: each node takes the lowest free one. SPEC R5.1, R5.2. */
static void plain_memory(void)
{
	struct ivsh_node_options options = {0}, third = {.flags = IVSH_NODE_SLOT, .slot = 2};
	struct ivsh_node_message m;

	world_reset();
	memset(plain, 0, sizeof(plain));
	world.on_sleep = live;
	for (uint32_t i = 0; i < 3; i++) {
		NEED_EQ(open_plain(i, &options), 0);
		CHECK_EQ(plain[i]->self, i);
	}
	CHECK_EQ(open_plain(3, &third), IVSH_EBUSY);
	third.slot = 6;
	NEED_EQ(open_plain(3, &third), 0);
	CHECK_EQ(plain[3]->self, 6);
	NEED_EQ(ivsh_node_send(plain[0], 6, 1, "x", 1, 0), 0);
	CHECK_EQ(ivsh_node_receive(plain[3], &m, town_in, 1, 0), 0);
	/* One that left leaves its slot to the next. */
	ivsh_node_close(plain[1]);
	plain[1] = NULL;
	NEED_EQ(open_plain(1, NULL), 0);
	CHECK_EQ(plain[1]->self, 1);
}

/* All taken: by the living, it is refused; by the dead, the first of them is replaced. */
static void plain_full(void)
{
	struct ivsh_node_options two = {.slots = 2};

	world_reset();
	memset(plain, 0, sizeof(plain));
	world.on_sleep = live;
	NEED_EQ(open_plain(0, &two), 0);
	NEED_EQ(open_plain(1, &two), 0);
	CHECK_EQ(open_plain(2, &two), IVSH_EBUSY);
	plain[2] = NULL;
	plain[1] = NULL; /* it is killed */
	NEED_EQ(open_plain(2, &two), 0);
	CHECK_EQ(plain[2]->self, 1);
}

/* Why not, each with what the caller can report. */
static void refused(void)
{
	struct ivsh_node_options options = {.flags = IVSH_NODE_SLOT, .slot = 3};
	struct ivsh_mem mem;

	world_format();
	options.slot = IVSH_SELF_NONE;
	CHECK_EQ(open_plain(0, &options), IVSH_EINVAL);
	options.slot = 3;
	options.found_version = 7;
	options.found_magic = options.need_size = options.need_block = 7;
	mem = world_mem(2);
	CHECK_EQ(
	    ivsh_node_open(&plain[0], large[0], sizeof(large[0]), &mem, &options), IVSH_EINVAL);
	CHECK_EQ(options.found_magic + options.need_size + options.need_block, 0);
	CHECK_EQ(options.found_version, 0);
	options.slot = 2;
	CHECK_EQ(ivsh_node_open(&plain[0], large[0], sizeof(large[0]), &mem, &options), 0);
	options = (struct ivsh_node_options){.name = "0123456789012345678901234567890123"};
	CHECK_EQ(
	    ivsh_node_open(&plain[0], large[0], sizeof(large[0]), &mem, &options), IVSH_EINVAL);
	options = (struct ivsh_node_options){.slots = 257};
	CHECK_EQ(
	    ivsh_node_open(&plain[0], large[0], sizeof(large[0]), &mem, &options), IVSH_EINVAL);
	options = (struct ivsh_node_options){0};
	mem = world_mem(8);
	CHECK_EQ(
	    ivsh_node_open(&plain[0], large[0], sizeof(large[0]), &mem, &options), IVSH_EINVAL);
	CHECK_EQ(options.found_slots, 8);
	mem = world_mem(1);
	world_header()->version = 9;
	CHECK_EQ(
	    ivsh_node_open(&plain[0], large[0], sizeof(large[0]), &mem, &options), IVSH_EVERSION);
	CHECK_EQ(options.found_version, 9);
	world_header()->magic = 0x1122334455667788;
	CHECK_EQ(
	    ivsh_node_open(&plain[0], large[0], sizeof(large[0]), &mem, &options), IVSH_EPROTO);
	CHECK_EQ(options.found_magic == 0x1122334455667788, true);
	world_reset();
	mem = world_mem(0);
	mem.size = 65536;
	options = (struct ivsh_node_options){0};
	CHECK_EQ(
	    ivsh_node_open(&plain[0], large[0], sizeof(large[0]), &mem, &options), IVSH_ENOSPC);
	CHECK_EQ(options.need_size > 65536, true);
	CHECK_EQ(options.need_block, 0);
	CHECK_EQ(world_header()->magic, 0);
}

static const struct test tests[] = {
    {"open: defaults", defaults},
    {"open: other options", other_options},
    {"open: the block's size", block_size},
    {"open: waits for a format", waits_for_format},
    {"open: plain memory", plain_memory},
    {"open: plain memory is full", plain_full},
    {"open: refused", refused},
};

int main(void)
{
	return test_main("node", tests, sizeof(tests) / sizeof(tests[0]));
}
