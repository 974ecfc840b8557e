/* SPDX-License-Identifier: MIT */
/*
 * irq_test.c - doorbell interrupts without an OS: those that arrive, those that must not, and
 * sleeps that miss none.
 *
 * Command line: the number of vectors that the server serves, the number of interrupts that this
 * machine has for them (2048 if it is left out), and "two" for the test with two devices, alone. Or
 * what waits for a key, so that the runner can do something meanwhile: "wait", a test of its own,
 * and "ring", sleeps that doorbells end.
 * The guest notifies itself: a doorbell to its own ID takes the same path as one from another peer.
 * What is lost, and what is kept, is as in QEMU's TCG; KVM keeps doorbells that TCG drops.
 */
#include "bare/arch.h"
#include "bare/newlib/bare.h"
#include "device/relax.h"
#include "tests/lib/test.h"

#include <ivsh/device.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char bare_name[] = "irq_test";

#define US 1000u
#define MS 1000000u
#define LONG_NS (30000 * (uint64_t)MS) /* a doorbell that has not arrived by then is lost */
#define QUIET_NS (20 * (uint64_t)MS)   /* one that has not arrived by then does not arrive */

#define REOPENS 30u

#define COMMAND 4u        /* PCI 6.2.2 */
#define COMMAND_MASTER 4u /* PCI table 6-1 */
#define CONTROL 3u        /* PCI 6.8.2.9: word of an entry; bit 0 masks it */

static struct ivsh_device device;
static struct ivsh_mem mem;
static uint32_t served;       /* vectors that the server serves */
static uint32_t left;         /* interrupts that the machine has */
static const char *mode = ""; /* "two", "wait", "ring" */
static uint32_t usable; /* vectors that are served, and that device and machine have: 128 at most */

static bool begin(uint32_t wanted)
{
	uint32_t function;
	int error = ivsh_device_find(arch_platform(), 0, &function);

	if (!error)
		error = ivsh_device_open(&device, arch_platform(), function);
	if (!error)
		error = ivsh_device_interrupts(&device, wanted);
	CHECK_EQ(error, 0);
	if (error)
		return false;
	ivsh_device_mem(&device, &mem);
	usable = device.vectors < served ? device.vectors : served;
	usable = usable < left ? usable : left;
	return true;
}

static void notify(uint32_t vector)
{
	mem.doorbell.notify(mem.doorbell.ctx, mem.self, vector);
}

/* Sleep until a doorbell arrives that (seen) does not count. False: none has. */
static bool arrives(uint32_t seen)
{
	arch_sleep(seen, arch_now_ns() + LONG_NS);
	return arch_doorbells() != seen;
}

static bool quiet(uint32_t seen)
{
	arch_sleep(seen, arch_now_ns() + QUIET_NS);
	return arch_doorbells() == seen;
}

/* --- Those that arrive ------------------------------------------------------------------------ */

static void test_each(void)
{
	char row[32];

	if (!begin(2048))
		return;
	CHECK_EQ(device.interrupts, device.vectors < left ? device.vectors : left);
	CHECK_EQ(mem.doorbell.vectors, device.interrupts);
	for (uint32_t vector = 0; vector < usable; vector++) {
		uint32_t seen = arch_doorbells();

		snprintf(row, sizeof(row), "vector %u", (unsigned)vector);
		test_row(row);
		notify(vector);
		CHECK(arrives(seen));
		CHECK(vector != 0 || quiet(seen + 1));
	}
	ivsh_device_close(&device);
}

/* Only vectors that were enabled interrupt. */
static void test_fewer(void)
{
	uint32_t seen;

	if (!begin(1))
		return;
	CHECK_EQ(device.interrupts, 1);
	seen = arch_doorbells();
	if (usable > 1) {
		notify(1);
		CHECK(quiet(seen));
	}
	notify(0);
	CHECK(arrives(seen));
	ivsh_device_close(&device);
}

static void test_key(void)
{
	uint64_t end = arch_now_ns() + LONG_NS;
	int key = -1;

	if (strcmp(mode, "wait") != 0)
		return;
	while ((key = arch_console_read()) < 0 && arch_now_ns() < end)
		arch_sleep(arch_doorbells(), arch_now_ns() + MS);
	CHECK(key >= 0);
}

static void test_none(void)
{
	uint32_t seen = arch_doorbells();

	if (!begin(0))
		return;
	CHECK_EQ(mem.doorbell.vectors, 0);
	notify(0);
	CHECK(quiet(seen));
	ivsh_device_close(&device);
}

/* 10,000 at once are merged into fewer interrupts, and the last is not lost. */
static void test_flood(void)
{
	uint32_t seen;

	if (!begin(2048))
		return;
	for (uint32_t i = 0; i < 10000; i++)
		notify(i % usable);
	while (!quiet(arch_doorbells()))
		;
	seen = arch_doorbells();
	notify(0);
	CHECK(arrives(seen));
	ivsh_device_close(&device);
}

/* --- Those that do not ------------------------------------------------------------------------ */

/* A doorbell while MSI-X is off is lost, and a later one is not. */
static void test_before(void)
{
	uint32_t seen = arch_doorbells();

	if (!begin(0))
		return;
	notify(0);
	CHECK(quiet(seen));
	CHECK_EQ(ivsh_device_interrupts(&device, 2048), 0);
	CHECK(quiet(seen));
	notify(0);
	CHECK(arrives(seen));
	ivsh_device_close(&device);
}

static void test_after_close(void)
{
	uint32_t seen, function;

	if (!begin(2048))
		return;
	function = device.function;
	seen = arch_doorbells();
	ivsh_device_close(&device);
	CHECK_EQ(
	    arch_platform()->config_read(arch_platform()->ctx, function, device.msix) >> 31, 0);
	if (!begin(0))
		return;
	notify(0);
	CHECK(quiet(seen));
	ivsh_device_close(&device);
}

/* A doorbell is kept while its vector is masked, and arrives when it is unmasked. */
static void test_masked(void)
{
	uint32_t seen = arch_doorbells();

	if (!begin(2048))
		return;
	device.table[CONTROL] |= 1;
	notify(0);
	CHECK(quiet(seen));
	device.table[CONTROL] &= ~UINT32_C(1);
	CHECK(arrives(seen));
	CHECK(quiet(seen + 1));
	ivsh_device_close(&device);
}

static void test_nobody(void)
{
	static const uint32_t peers[] = {7, 8, 999, 65535, 65536, UINT32_MAX};
	uint32_t seen = arch_doorbells();

	if (!begin(2048))
		return;
	for (unsigned i = 0; i < sizeof(peers) / sizeof(peers[0]); i++)
		mem.doorbell.notify(mem.doorbell.ctx, peers[i], 0);
	CHECK(quiet(seen));
	notify(0);
	CHECK(arrives(seen));
	ivsh_device_close(&device);
}

/*
 * Vectors of the device that the server does not serve or the machine has no interrupt for, and
 * vectors out of range.
 */
static void test_out_of_range(void)
{
	static const uint32_t far[] = {254, 255, 0xfffe, 0xffff, 0x10000, UINT32_MAX};
	uint32_t seen = arch_doorbells();

	if (!begin(2048))
		return;
	for (unsigned i = 0; i < sizeof(far) / sizeof(far[0]); i++)
		notify(far[i]);
	notify(usable);
	/* Without a matching ioeventfd QEMU uses the low 8 bits: 2048 and 256 are vector 0. */
	if (device.vectors < 256)
		notify(device.vectors);
	CHECK(quiet(seen));
	notify(256);
	CHECK(arrives(seen));
	ivsh_device_close(&device);
}

/* Without bus mastering a message is lost. */
static void test_no_master(void)
{
	const struct ivsh_platform *platform = arch_platform();
	uint32_t seen = arch_doorbells(), command;

	if (!begin(2048))
		return;
	command = platform->config_read(platform->ctx, device.function, COMMAND) & 0xffff;
	CHECK_EQ(command & COMMAND_MASTER, COMMAND_MASTER);
	platform->config_write(platform->ctx, device.function, COMMAND, command & ~COMMAND_MASTER);
	notify(0);
	CHECK(quiet(seen));
	platform->config_write(platform->ctx, device.function, COMMAND, command);
	CHECK(quiet(seen));
	notify(0);
	CHECK(arrives(seen));
	ivsh_device_close(&device);
}

/* A former owner left MSI-X on: open disables it, and it can be enabled again. */
static void test_former_owner(void)
{
	uint32_t seen;

	if (!begin(2048))
		return;
	if (!begin(0))
		return;
	seen = arch_doorbells();
	notify(0);
	CHECK(quiet(seen));
	CHECK_EQ(ivsh_device_interrupts(&device, 2048), 0);
	notify(0);
	CHECK(arrives(seen));
	ivsh_device_close(&device);
}

/* An interrupt that was given back can be had again, however often. */
static void test_reopen(void)
{
	for (uint32_t i = 0; i < REOPENS; i++) {
		uint32_t seen = arch_doorbells();

		if (!begin(2048))
			return;
		NEED_EQ(device.interrupts, device.vectors < left ? device.vectors : left);
		notify(0);
		NEED_EQ(arrives(seen), 1);
		seen = arch_doorbells();
		notify(usable - 1);
		NEED_EQ(arrives(seen), 1);
		ivsh_device_close(&device);
	}
}

/* Vector 0 of another device is another interrupt, which a close of the first one leaves alone. */
static void test_two(void)
{
	struct ivsh_device other;
	struct ivsh_mem others;
	uint32_t function, seen;

	if (!begin(1))
		return;
	NEED_EQ(ivsh_device_find(arch_platform(), 1, &function), 0);
	NEED_EQ(ivsh_device_open(&other, arch_platform(), function), 0);
	NEED_EQ(ivsh_device_interrupts(&other, 1), 0);
	CHECK_EQ(other.interrupts, 1);
	ivsh_device_mem(&other, &others);
	seen = arch_doorbells();
	others.doorbell.notify(others.doorbell.ctx, others.self, 0);
	CHECK(arrives(seen));
	seen = arch_doorbells();
	notify(0);
	CHECK(arrives(seen));
	ivsh_device_close(&device);
	seen = arch_doorbells();
	others.doorbell.notify(others.doorbell.ctx, others.self, 0);
	CHECK(arrives(seen));
	if (begin(1)) {
		seen = arch_doorbells();
		notify(0);
		CHECK(arrives(seen));
		ivsh_device_close(&other);
		seen = arch_doorbells();
		notify(0);
		CHECK(arrives(seen));
		ivsh_device_close(&device);
	}
}

/* --- Sleeps that miss none -------------------------------------------------------------------- */

#define ROUNDS 10000u

static int compare(const void *a, const void *b)
{
	uint32_t x, y;

	memcpy(&x, a, sizeof(x));
	memcpy(&y, b, sizeof(y));
	return x < y ? -1 : x > y;
}

static void print(const char *what, uint32_t *ns, uint32_t count)
{
	qsort(ns, count, sizeof(ns[0]), compare);
	printf("    %s: %u ns (median), %u (least), %u (99 %%)\n", what, (unsigned)ns[count / 2],
	    (unsigned)ns[0], (unsigned)ns[count - count / 100 - 1]);
}

/*
 * A doorbell to oneself arrives after 11 to 25 us (QEMU 7.2, TCG). Polling for up to 30 us before
 * the sleep makes it arrive anywhere: before the check, between check and halt, during the halt.
 */
static void test_sleep(void)
{
	uint32_t noise = 1;

	if (!begin(2048))
		return;
	for (uint32_t i = 0; i < ROUNDS || (strcmp(mode, "ring") == 0 && arch_console_read() < 0);
	     i++) {
		uint32_t seen = arch_doorbells();
		uint64_t start = arch_now_ns(), poll_end;

		noise = noise * 1664525 + 1013904223; /* Numerical Recipes, 7.1 */
		poll_end = start + (noise >> 8) % (30 * US);
		notify(0);
		while (arch_now_ns() < poll_end)
			relax_processor();
		arch_sleep(seen, start + LONG_NS);
		NEED_EQ(arch_doorbells(), seen + 1);
		NEED_EQ(arch_now_ns() - start < LONG_NS, 1);
	}
	ivsh_device_close(&device);
}

static void test_latency(void)
{
	static uint32_t halted[ROUNDS / 5], polling[ROUNDS / 5];

	if (!begin(2048))
		return;
	for (uint32_t i = 0; i < ROUNDS / 5; i++) {
		uint32_t seen = arch_doorbells();
		uint64_t start = arch_now_ns();

		notify(0);
		NEED_EQ(arrives(seen), 1);
		halted[i] = (uint32_t)(arch_now_ns() - start);

		start = arch_now_ns();
		notify(0);
		while (arch_doorbells() == seen + 1 && arch_now_ns() - start < LONG_NS)
			relax_processor();
		polling[i] = (uint32_t)(arch_now_ns() - start);
		NEED_EQ(arch_doorbells(), seen + 2);
	}
	print("doorbell to a sleeping guest", halted, ROUNDS / 5);
	print("doorbell to a polling guest", polling, ROUNDS / 5);
	ivsh_device_close(&device);
}

int main(int argc, char **argv)
{
	static const struct test tests[] = {
	    {"each vector", test_each},
	    {"one vector enabled", test_fewer},
	    {"a key", test_key},
	    {"none enabled", test_none},
	    {"flood", test_flood},
	    {"before MSI-X is on", test_before},
	    {"after close", test_after_close},
	    {"masked vector", test_masked},
	    {"absent peers", test_nobody},
	    {"vectors out of range", test_out_of_range},
	    {"bus master off", test_no_master},
	    {"former owner", test_former_owner},
	    {"opened again", test_reopen},
	    {"sleeps miss none", test_sleep},
	    {"latency", test_latency},
	};
	static const struct test two[] = {{"two devices", test_two}};
	struct ivsh_pci_windows windows;

	served = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 1;
	left = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 10) : 2048;
	arch_pci_windows(&windows);
	if (ivsh_pci_assign(arch_platform(), &windows) != 0)
		printf("assigning PCI addresses failed\n");
	mode = argc > 3 ? argv[3] : "";
	if (strcmp(mode, "two") == 0)
		return test_main("irq", two, 1);
	return test_main("irq", tests, sizeof(tests) / sizeof(tests[0]));
}
