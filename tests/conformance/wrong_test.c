/* SPDX-License-Identifier: MIT */
/*
 * wrong_test.c - a guest that has its platform checked as it is, and with one mistake after another
 * in it: each has to be found, under the number of the clause that it breaks, and nothing else.
 *
 * Command line: without words it runs the cases. "fatal NAME" checks that platform of wrong_fatal,
 * which crashes or hangs the guest: its last line names the clause.
 */
#include "arch/memtype.h"
#include "bare/arch.h"
#include "bare/newlib/bare.h"
#include "conformance/program.h"
#include "tests/conformance/wrong.h"
#include "tests/lib/test.h"

#include <ivsh/conformance.h>
#include <ivsh/device.h>
#include <ivsh/pci.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char bare_name[] = "wrong_test";

#define VECTORS 2u /* that the server serves */

#define COMMAND 4u /* PCI 6.2.2 */
#define COMMAND_MEMORY 2u

const struct ivsh_platform *real;

static char broken[128]; /* the clauses, in the order of their results */

static void report(void *ctx, const struct ivsh_conformance_result *result)
{
	(void)ctx;
	if (result->state != IVSH_CONFORMANCE_BROKEN)
		return;
	printf("    %s: %s: %s (%llu, %llu)\n", result->clause, result->text, result->what,
	    (unsigned long long)result->got, (unsigned long long)result->want);
	if (strlen(broken) + strlen(result->clause) + 2 > sizeof(broken))
		return;
	if (broken[0] != '\0')
		strcat(broken, " ");
	strcat(broken, result->clause);
}

static enum ivsh_conformance_cache cache(void *ctx, const volatile void *address)
{
	const char *type = memtype_sure((const void *)(uintptr_t)address);

	(void)ctx;
	if (type == NULL)
		return IVSH_CACHE_UNKNOWN;
	return strcmp(type, "write-back") == 0 ? IVSH_CACHE_WRITE_BACK : IVSH_CACHE_OTHER;
}

static void check(const struct ivsh_platform *platform, const char *want)
{
	struct ivsh_conformance check = {.report = report, .cache = cache, .vectors = VECTORS};
	int error;

	broken[0] = '\0';
	error = ivsh_conformance_platform(&check, platform, 0);
	CHECK_EQ(error, want[0] == '\0' ? 0 : IVSH_EPLATFORM);
	if (strcmp(broken, want) != 0) {
		printf("    broken: %s; wanted: %s\n", broken, want);
		CHECK_EQ(strcmp(broken, want), 0);
	}
}

static void test_rows(const struct wrong *rows)
{
	for (; rows->name != NULL; rows++) {
		struct ivsh_platform platform = *real;
		const char *want = rows->broken;

#ifdef __riscv
		if (rows->riscv64 != NULL)
			want = rows->riscv64;
#endif
		test_row(rows->name);
		printf("    %s\n", rows->name);
		rows->make(&platform);
		check(&platform, want);
	}
}

static void test_real(void)
{
	check(real, "");
}

static void test_clock(void)
{
	test_rows(wrong_clock);
}

static void test_sleep(void)
{
	test_rows(wrong_sleep);
}

static void test_device(void)
{
	test_rows(wrong_device);
}

/*
 * Memory that page tables have as write-back, and that takes long to load: the page of the MSI-X
 * table, each access of which QEMU emulates.
 */
static void test_slow(void)
{
	struct ivsh_conformance check = {.report = report, .cache = cache};
	struct ivsh_mem mem = {.self = IVSH_SELF_NONE,
	    .size = 4096,
	    .doorbell = {.ctx = real->ctx,
		.now_ns = real->now_ns,
		.sleep = real->sleep,
		.count = real->count}};
	uint32_t function;
	struct ivsh_bar bar;

	NEED_EQ(ivsh_device_find(real, 0, &function), 0);
	NEED_EQ(ivsh_pci_bar(real, function, 1, &bar), 0);
	real->config_write(real->ctx, function, COMMAND, COMMAND_MEMORY);
	mem.base = real->map(real->ctx, bar.address, mem.size, IVSH_MAP_MEMORY);
	NEED_EQ(mem.base != NULL, 1);
	broken[0] = '\0';
	CHECK_EQ(ivsh_conformance_mem(&check, &mem), IVSH_EPLATFORM);
	CHECK_EQ(strcmp(broken, "M1.3"), 0);
	if (real->unmap != NULL)
		real->unmap(real->ctx, mem.base, mem.size);
	real->config_write(real->ctx, function, COMMAND, 0);
}

static int check_fatal(const char *name)
{
	static char program[] = "conformance", *words[] = {program, NULL};
	struct ivsh_platform platform = *real;

	for (const struct wrong *row = wrong_fatal; row->name != NULL; row++)
		if (strcmp(row->name, name) == 0) {
			row->make(&platform);
			return program_guest(1, words, &platform, memtype_sure);
		}
	return EXIT_FAILURE;
}

int main(int argc, char **argv)
{
	static const struct test tests[] = {
	    {"the real platform", test_real},
	    {"clocks", test_clock},
	    {"sleeps and counts", test_sleep},
	    {"devices", test_device},
	    {"memory that is slow", test_slow},
	    {"the real platform again", test_real},
	};
	struct ivsh_pci_windows windows;

	real = arch_platform();
	arch_pci_windows(&windows);
	if (ivsh_pci_assign(real, &windows) != 0)
		printf("assigning PCI addresses failed\n");
	if (argc > 2)
		return check_fatal(argv[2]);
	return test_main("conformance", tests, sizeof(tests) / sizeof(tests[0]));
}
