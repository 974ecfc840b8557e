/* SPDX-License-Identifier: MIT */
/*
 * mapped_test.c - the transport of a device that an operating system has opened: every value that
 * it may fill in, and every one that it may not.
 */
#include <ivsh/device.h>
#include <ivsh/mapped.h>

#include "tests/lib/test.h"

#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define PAGE 4096u

static _Alignas(PAGE) uint8_t memory[2 * PAGE];
static uint32_t registers[IVSH_REG_SIZE / 4];
static uint64_t generation;
static unsigned slept, rechecked;
static int answer;

static uint64_t now_ns(void *ctx)
{
	CHECK(ctx == &generation);
	return 1234;
}

static void sleep_until(void *ctx, uint32_t seen, uint64_t deadline_ns)
{
	slept += ctx == &generation && seen == 7 && deadline_ns == 5678;
}

static uint32_t count(void *ctx)
{
	CHECK(ctx == &generation);
	return 7;
}

static int check_device(void *ctx)
{
	CHECK(ctx == &generation);
	rechecked++;
	return answer;
}

/* An ivshmem-doorbell with IVPosition 5, all of which is filled in. */
static struct ivsh_mapped prepare(void)
{
	memset(registers, 0, sizeof(registers));
	registers[IVSH_REG_IVPOSITION / 4] = 5;
	slept = rechecked = 0;
	answer = 0;
	return (struct ivsh_mapped){.ctx = &generation,
	    .registers = registers,
	    .memory = memory,
	    .size = sizeof(memory),
	    .doorbell = true,
	    .vectors = 2,
	    .now_ns = now_ns,
	    .sleep = sleep_until,
	    .count = count,
	    .recheck = check_device,
	    .seed = 11,
	    .vm_generation = &generation,
	    .machine = 13};
}

static void doorbell(void)
{
	struct ivsh_mapped mapped = prepare();
	struct ivsh_doorbell *calls;
	struct ivsh_mem mem;

	NEED_EQ(ivsh_mapped_mem(&mapped, &mem), 0);
	calls = &mem.doorbell;
	CHECK(mem.base == memory);
	CHECK_EQ(mem.size, sizeof(memory));
	CHECK_EQ(mem.self, 5);
	CHECK_EQ(mem.seed, 11);
	CHECK(mem.vm_generation == &generation);
	CHECK_EQ(mem.machine, 13);
	CHECK_EQ(calls->vectors, 2);
	CHECK_EQ(calls->now_ns(calls->ctx), 1234);
	CHECK_EQ(calls->count(calls->ctx), 7);
	calls->sleep(calls->ctx, 7, 5678);
	CHECK_EQ(slept, 1);
	calls->relax(calls->ctx);
}

/* Sixteen bits each (ivshmem-spec), and nothing is written for more. */
static void notify(void)
{
	static const struct {
		uint32_t peer, vector, word;
	} rows[] = {{0, 0, 0}, {5, 1, 0x50001}, {0xffff, 0xffff, 0xffffffff}, {0x10000, 0, 0xdead},
	    {0, 0x10000, 0xdead}, {0xffffffff, 1, 0xdead}};
	struct ivsh_mapped mapped = prepare();
	struct ivsh_mem mem;

	NEED_EQ(ivsh_mapped_mem(&mapped, &mem), 0);
	for (unsigned i = 0; i < COUNT(rows); i++) {
		registers[IVSH_REG_DOORBELL / 4] = 0xdead;
		mem.doorbell.notify(mem.doorbell.ctx, rows[i].peer, rows[i].vector);
		CHECK_EQ(registers[IVSH_REG_DOORBELL / 4], rows[i].word);
	}
	CHECK_EQ(registers[IVSH_REG_INTRMASK / 4], 0);
	CHECK_EQ(registers[IVSH_REG_INTRSTATUS / 4], 0);
}

/* An ivshmem-plain: no identity and nobody to notify, with or without its registers. */
static void plain(void)
{
	for (int shown = 0; shown < 2; shown++) {
		struct ivsh_mapped mapped = prepare();
		struct ivsh_mem mem;
		uint32_t self = 3;

		mapped.doorbell = false;
		mapped.vectors = 0;
		mapped.count = NULL;
		mapped.recheck = NULL;
		if (!shown)
			mapped.registers = NULL;
		NEED_EQ(ivsh_mapped_mem(&mapped, &mem), 0);
		CHECK_EQ(mem.self, IVSH_SELF_NONE);
		CHECK(!mem.doorbell.notify);
		CHECK_EQ(mem.doorbell.vectors, 0);
		CHECK_EQ(mem.doorbell.count(mem.doorbell.ctx), 0);
		CHECK_EQ(mem.doorbell.recheck(mem.doorbell.ctx, &self), 0);
		CHECK_EQ(self, 3);
	}
}

/* The device has another ID behind a migration; or the owner, or the register, says it is gone. */
static void recheck(void)
{
	struct ivsh_mapped mapped = prepare();
	struct ivsh_mem mem;
	uint32_t self = 5;

	NEED_EQ(ivsh_mapped_mem(&mapped, &mem), 0);
	registers[IVSH_REG_IVPOSITION / 4] = 65535;
	CHECK_EQ(mem.doorbell.recheck(mem.doorbell.ctx, &self), 0);
	CHECK_EQ(self, 65535);
	CHECK_EQ(rechecked, 1);
	registers[IVSH_REG_IVPOSITION / 4] = 65536;
	CHECK_EQ(mem.doorbell.recheck(mem.doorbell.ctx, &self), IVSH_ENODEV);
	registers[IVSH_REG_IVPOSITION / 4] = UINT32_MAX;
	CHECK_EQ(mem.doorbell.recheck(mem.doorbell.ctx, &self), IVSH_ENODEV);
	registers[IVSH_REG_IVPOSITION / 4] = 1;
	answer = IVSH_ENODEV;
	CHECK_EQ(mem.doorbell.recheck(mem.doorbell.ctx, &self), IVSH_ENODEV);
	CHECK_EQ(self, 65535);
	CHECK_EQ(rechecked, 4);
}

static void identity(void)
{
	static const struct {
		uint32_t position;
		int error;
	} rows[] = {{0, 0}, {65535, 0}, {65536, IVSH_EPROTO}, {UINT32_MAX, IVSH_ENODEV}};

	for (unsigned i = 0; i < COUNT(rows); i++) {
		struct ivsh_mapped mapped = prepare();
		struct ivsh_mem mem = {.self = 77};

		registers[IVSH_REG_IVPOSITION / 4] = rows[i].position;
		CHECK_EQ(ivsh_mapped_mem(&mapped, &mem), rows[i].error);
		CHECK_EQ(mem.self, rows[i].error ? 77 : rows[i].position);
	}
}

static void refuse(void)
{
	struct ivsh_mapped rows[12];
	struct ivsh_mem mem;
	unsigned i = 0;

	for (unsigned at = 0; at < COUNT(rows); at++)
		rows[at] = prepare();
	rows[i++].memory = NULL;
	rows[i++].memory = memory + 64;
	rows[i++].size = 0;
	rows[i++].size = PAGE + 1;
	rows[i++].registers = NULL;
	rows[i++].registers = (uint8_t *)registers + 2;
	rows[i++].vectors = 2049;
	rows[i++].doorbell = false; /* and has vectors */
	rows[i++].now_ns = NULL;
	rows[i++].sleep = NULL;
	rows[i++].count = NULL;
	rows[i].doorbell = false;
	rows[i].vectors = 0;
	rows[i++].registers = (uint8_t *)registers + 1;
	CHECK_EQ(i, COUNT(rows));
	for (i = 0; i < COUNT(rows); i++)
		CHECK_EQ(ivsh_mapped_mem(&rows[i], &mem), IVSH_EINVAL);
	rows[0] = prepare();
	rows[0].vectors = 2048;
	CHECK_EQ(ivsh_mapped_mem(&rows[0], &mem), 0);
}

int main(void)
{
	static const struct test tests[] = {
	    {"doorbell", doorbell},
	    {"notify", notify},
	    {"plain", plain},
	    {"checked again", recheck},
	    {"identity", identity},
	    {"refused", refuse},
	};

	return test_main("device/mapped", tests, COUNT(tests));
}
