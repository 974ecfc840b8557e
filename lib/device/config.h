/* SPDX-License-Identifier: MIT */
/*
 * config.h - the registers of configuration space that this folder reads and writes.
 *
 * PCI Local Bus Specification 3.0 (PCI) and PCI-to-PCI Bridge Architecture Specification 1.2
 * (bridge). All accesses are aligned words of 32 bits; smaller fields are taken out of the word.
 * Every value that is read is checked before it is used.
 */
#ifndef DEVICE_CONFIG_H
#define DEVICE_CONFIG_H

#include <ivsh/platform.h>

#include <stdbool.h>
#include <stdint.h>

#define CONFIG_ID 0x00u             /* PCI 6.2.1: device ID in 31:16, vendor ID in 15:0 */
#define CONFIG_COMMAND 0x04u        /* PCI 6.2.2: COMMAND in 15:0, STATUS in 31:16 */
#define CONFIG_REVISION 0x08u       /* PCI 6.2.1: class in 31:8, revision in 7:0 */
#define CONFIG_HEADER 0x0cu         /* PCI 6.2.1: header type in 23:16 */
#define CONFIG_BAR 0x10u            /* PCI 6.2.5: the first of six; of two in a bridge */
#define CONFIG_BUSES 0x18u          /* bridge 3.2.5.2-4: primary, secondary, subordinate */
#define CONFIG_MEMORY 0x20u         /* bridge 3.2.5.8: base in 15:4, limit in 31:20 */
#define CONFIG_PREFETCH 0x24u       /* bridge 3.2.5.9: likewise; capability in 3:0 */
#define CONFIG_PREFETCH_BASE 0x28u  /* bridge 3.2.5.10: base 63:32 */
#define CONFIG_PREFETCH_LIMIT 0x2cu /* bridge 3.2.5.10: limit 63:32 */
#define CONFIG_ROM 0x30u            /* PCI 6.2.5.2: address in 31:11, enable in 0 */
#define CONFIG_BRIDGE_ROM 0x38u     /* bridge 3.2.5.16: likewise */
#define CONFIG_CAPABILITIES 0x34u   /* PCI 6.7: first capability in 7:0 */

#define COMMAND_IO 0x1u                         /* PCI table 6-1 */
#define COMMAND_MEMORY 0x2u                     /* PCI table 6-1 */
#define COMMAND_MASTER 0x4u                     /* PCI table 6-1 */
#define STATUS_CAPABILITIES (UINT32_C(1) << 20) /* PCI table 6-2, in the word of COMMAND */

#define CLASS_HOST_BRIDGE 0x0600u /* PCI appendix D */

#define HEADER_NORMAL 0u /* PCI 6.2.1 */
#define HEADER_BRIDGE 1u /* bridge 3.2.4.7 */

#define CONFIG_ABSENT 0xffffffffu /* a read of an absent function; PCI 6.1 */

/* This code runs once, at start: it is compiled for size, not for speed. */
#define COLD __attribute__((__cold__))

/* What ivsh_config_probe() finds. Each word is read once. */
struct config_function {
	uint32_t id;    /* as CONFIG_ID; CONFIG_ABSENT */
	uint8_t header; /* header type without its multi-function bit */
	uint8_t step;   /* distance to the next function number to probe: 1 or 8 */
};

/*
 * Probe (function). To scan one bus, start at function 0 of device 0 and go on by step while below
 * 256. A device without the multi-function bit has function 0 only, and its other seven numbers are
 * skipped (PCI 3.2.2.3.4).
 */
COLD struct config_function ivsh_config_probe(
    const struct ivsh_platform *platform, uint32_t function);

/* The bus numbers in CONFIG_BUSES that route configuration cycles. */
struct config_buses {
	uint32_t secondary;   /* the bus behind the bridge */
	uint32_t subordinate; /* the highest bus behind the bridge; 0: none, or impossible */
};

/*
 * The bus numbers of the bridge at (function). Numbers that are not above the bridge's own bus
 * count as none, so that a walk along them ends.
 */
COLD struct config_buses ivsh_config_buses(const struct ivsh_platform *platform, uint32_t function);

/* One bit for each of 256 buses. */
struct bus_set {
	uint32_t word[8];
};

static inline void bus_set_add(struct bus_set *set, uint32_t bus)
{
	set->word[bus / 32] |= UINT32_C(1) << (bus % 32);
}

static inline bool bus_set_has(const struct bus_set *set, uint32_t bus)
{
	return (set->word[bus / 32] >> (bus % 32) & 1) != 0;
}

/* The state of scans over all buses. Fields without (in) are 0 at first. */
struct config_scan {
	uint32_t id;           /* in: vendor and device to find, as CONFIG_ID */
	uint32_t index;        /* in: which one of those, counted from 0 */
	bool all;              /* in: probe for other root buses; set if bus 0 indicates some */
	bool seen;             /* a function with this id exists, maybe with another index */
	uint32_t function;     /* the function found */
	struct bus_set known;  /* bus 0, and the secondary buses of bridges */
	struct bus_set behind; /* other bus numbers that bridges forward */
	struct bus_set roots;  /* bus 0, and those that answer without a bridge that leads there */
	struct bus_set probed; /* scanned already: a later scan skips them */
};

/*
 * Scan every known bus for a function. True: it was found, and the scan ended there.
 *
 * Only firmware tables, which the library does not read, list root buses other than 0. So all 256
 * numbers are probed, with 32 reads each, which can delay a boot noticeably. The scan does that
 * only if bus 0 has a second host bridge (as QEMU's pxb and pxb-pcie are), or if (all) is true.
 */
COLD bool ivsh_scan(const struct ivsh_platform *platform, struct config_scan *scan);

static inline uint32_t config_read(
    const struct ivsh_platform *platform, uint32_t function, uint32_t offset)
{
	return platform->config_read(platform->ctx, function, offset);
}

static inline void config_write(
    const struct ivsh_platform *platform, uint32_t function, uint32_t offset, uint32_t value)
{
	platform->config_write(platform->ctx, function, offset, value);
}

/* The number of BARs of a function with this header type. */
static inline uint32_t config_bars(uint8_t header)
{
	if (header == HEADER_NORMAL)
		return 6;
	return header == HEADER_BRIDGE ? 2 : 0;
}

#define CONFIG_BAR_MEMORY 0xfffffff0u /* PCI 6.2.5.1: the address in a memory BAR */

/* The address in a memory BAR; in BAR (bar + 1) too if (is_64). */
COLD uint64_t ivsh_config_bar(
    const struct ivsh_platform *platform, uint32_t function, uint32_t bar, bool is_64);

/*
 * Clear and set bits of COMMAND; answers its value before. The STATUS half is written as zero,
 * which does not change it (PCI 6.2.3: writing one clears a bit).
 */
COLD uint32_t ivsh_config_command(
    const struct ivsh_platform *platform, uint32_t function, uint32_t clear, uint32_t set);

#endif
