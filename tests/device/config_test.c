/* SPDX-License-Identifier: MIT */
/*
 * config_test.c - the two ways to reach configuration space.
 */
#include "tests/lib/test.h"

#include <ivsh/pci.h>

#include <stddef.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Two buses of ECAM: 1 MiB each. */
static uint32_t ecam_memory[2 << 18];

static const struct row {
	const char *name;
	uint32_t function, offset;
	size_t word;      /* where it is in ECAM; 0: out of reach */
	uint32_t address; /* what 0xCF8 gets; 0: out of reach */
} rows[] = {
    {"first bus", IVSH_PCI_FUNCTION(0, 3, 1), 0x10, 0x19010 / 4, 0x80001910},
    {"second bus", IVSH_PCI_FUNCTION(1, 31, 7), 0xfc, 0x1ff0fc / 4, 0x8001fffc},
    {"extended", IVSH_PCI_FUNCTION(0, 1, 0), 0xffc, 0x8ffc / 4, 0},
    {"third bus", IVSH_PCI_FUNCTION(2, 0, 0), 4, 0, 0x80020004},
    {"last bus", IVSH_PCI_FUNCTION(255, 31, 7), 4, 0, 0x80ffff04},
    {"no such bus", 0x10000, 4, 0, 0},
    {"no such function", 0xffffffff, 4, 0, 0},
    {"behind the space", IVSH_PCI_FUNCTION(0, 0, 0), 0x1000, 0, 0},
    {"not aligned", IVSH_PCI_FUNCTION(0, 0, 0), 6, 0, 0},
};

static void ecam(void)
{
	struct ivsh_ecam ctx = {ecam_memory, 2};

	for (unsigned i = 0; i < COUNT(rows); i++) {
		const struct row *row = &rows[i];

		test_row(row->name);
		ivsh_ecam_write(&ctx, row->function, row->offset, 0x1000 + i);
		CHECK_EQ(ivsh_ecam_read(&ctx, row->function, row->offset),
		    row->word ? 0x1000 + i : 0xffffffff);
		CHECK_EQ(ecam_memory[row->word], row->word ? 0x1000 + i : 0);
	}
}

static uint32_t cf8_address, cf8_data;
static unsigned cf8_accesses;

static uint32_t in32(uint16_t port)
{
	cf8_accesses++;
	return port == 0xcfc ? cf8_data : 0;
}

static void out32(uint16_t port, uint32_t value)
{
	cf8_accesses++;
	*(port == 0xcf8 ? &cf8_address : &cf8_data) = value;
}

static void cf8(void)
{
	struct ivsh_cf8 ctx = {in32, out32};

	for (unsigned i = 0; i < COUNT(rows); i++) {
		const struct row *row = &rows[i];

		test_row(row->name);
		cf8_accesses = cf8_address = 0;
		ivsh_cf8_write(&ctx, row->function, row->offset, 0x1000 + i);
		CHECK_EQ(cf8_address, row->address);
		cf8_address = 0;
		CHECK_EQ(ivsh_cf8_read(&ctx, row->function, row->offset),
		    row->address ? 0x1000 + i : 0xffffffff);
		CHECK_EQ(cf8_address, row->address);
		CHECK_EQ(cf8_accesses, row->address ? 4 : 0);
	}
}

int main(void)
{
	static const struct test tests[] = {
	    {"ECAM reaches its buses and nothing else", ecam},
	    {"0xCF8 reaches 256 bytes and nothing else", cf8},
	};

	return test_main("device/config", tests, COUNT(tests));
}
