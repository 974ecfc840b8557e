/* SPDX-License-Identifier: MIT */
/*
 * config.c - access to configuration space by ECAM and 0xCF8, and probing of single functions.
 */
#include "device/config.h"

#include <ivsh/pci.h>

#include <stddef.h>

#define FUNCTION_MAX 0xffffu /* bus 255, device 31, function 7 */

/* The word of (function) at (offset), or NULL if this ECAM does not reach it. PCIe 3.0, 7.2.2. */
static volatile uint32_t *ecam_word(
    const struct ivsh_ecam *ecam, uint32_t function, uint32_t offset)
{
	if (function > FUNCTION_MAX || IVSH_PCI_BUS(function) >= ecam->buses)
		return NULL;
	if (offset > 0xffc || offset % 4 != 0)
		return NULL;
	return (volatile uint32_t *)((volatile uint8_t *)ecam->base + ((size_t)function << 12) +
				     offset);
}

uint32_t ivsh_ecam_read(void *ctx, uint32_t function, uint32_t offset)
{
	volatile uint32_t *word = ecam_word(ctx, function, offset);

	return word ? *word : CONFIG_ABSENT;
}

void ivsh_ecam_write(void *ctx, uint32_t function, uint32_t offset, uint32_t value)
{
	volatile uint32_t *word = ecam_word(ctx, function, offset);

	if (word)
		*word = value;
}

#define CF8_ADDRESS 0xcf8u /* PCI 3.2.2.3.2: CONFIG_ADDRESS */
#define CF8_DATA 0xcfcu    /* PCI 3.2.2.3.2: CONFIG_DATA */
#define CF8_ENABLE 0x80000000u

static bool is_cf8_address(uint32_t function, uint32_t offset)
{
	return function <= FUNCTION_MAX && offset <= 0xfc && offset % 4 == 0;
}

uint32_t ivsh_cf8_read(void *ctx, uint32_t function, uint32_t offset)
{
	const struct ivsh_cf8 *cf8 = ctx;

	if (!is_cf8_address(function, offset))
		return CONFIG_ABSENT;
	cf8->out32(CF8_ADDRESS, CF8_ENABLE | function << 8 | offset);
	return cf8->in32(CF8_DATA);
}

void ivsh_cf8_write(void *ctx, uint32_t function, uint32_t offset, uint32_t value)
{
	const struct ivsh_cf8 *cf8 = ctx;

	if (!is_cf8_address(function, offset))
		return;
	cf8->out32(CF8_ADDRESS, CF8_ENABLE | function << 8 | offset);
	cf8->out32(CF8_DATA, value);
}

struct config_function ivsh_config_probe(const struct ivsh_platform *platform, uint32_t function)
{
	struct config_function found = {CONFIG_ABSENT, 0xff, 1};
	uint32_t header;

	found.id = config_read(platform, function, CONFIG_ID);
	if ((found.id & 0xffff) == 0xffff) {
		found.id = CONFIG_ABSENT;
		found.step = IVSH_PCI_FN(function) == 0 ? 8 : 1;
		return found;
	}
	header = config_read(platform, function, CONFIG_HEADER) >> 16;
	found.header = header & 0x7f;
	if (IVSH_PCI_FN(function) == 0 && (header & 0x80) == 0)
		found.step = 8;
	return found;
}

struct config_buses ivsh_config_buses(const struct ivsh_platform *platform, uint32_t function)
{
	uint32_t word = config_read(platform, function, CONFIG_BUSES);
	struct config_buses buses = {word >> 8 & 0xff, word >> 16 & 0xff};

	if (buses.secondary <= IVSH_PCI_BUS(function) || buses.subordinate < buses.secondary)
		buses = (struct config_buses){0, 0};
	return buses;
}

uint64_t ivsh_config_bar(
    const struct ivsh_platform *platform, uint32_t function, uint32_t bar, bool is_64)
{
	uint32_t offset = CONFIG_BAR + 4 * bar;
	uint64_t address = config_read(platform, function, offset) & CONFIG_BAR_MEMORY;

	if (is_64)
		address |= (uint64_t)config_read(platform, function, offset + 4) << 32;
	return address;
}

uint32_t ivsh_config_command(
    const struct ivsh_platform *platform, uint32_t function, uint32_t clear, uint32_t set)
{
	uint32_t command = config_read(platform, function, CONFIG_COMMAND) & 0xffff;
	uint32_t wanted = (command & ~clear) | set;

	if (wanted != command)
		config_write(platform, function, CONFIG_COMMAND, wanted);
	return command;
}
