/* SPDX-License-Identifier: MIT */
/*
 * config.h - the words of configuration space that this room reads and writes.
 *
 * PCI Local Bus Specification 3.0 (PCI) and PCI-to-PCI Bridge Architecture Specification 1.2
 * (bridge). Everything goes in aligned words of 32 bits; fields are cut out of them. Whatever is
 * read here is checked before it steers anything.
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
#define CONFIG_CAPABILITIES 0x34u   /* PCI 6.7: first capability in 7:0 */

#define COMMAND_IO 0x1u                         /* PCI table 6-1 */
#define COMMAND_MEMORY 0x2u                     /* PCI table 6-1 */
#define COMMAND_MASTER 0x4u                     /* PCI table 6-1 */
#define STATUS_CAPABILITIES (UINT32_C(1) << 20) /* PCI table 6-2, in the word of COMMAND */

#define CLASS_HOST_BRIDGE 0x0600u /* PCI appendix D */

#define HEADER_NORMAL 0u /* PCI 6.2.1 */
#define HEADER_BRIDGE 1u /* bridge 3.2.4.7 */

#define CONFIG_ABSENT 0xffffffffu /* what a read of nobody answers; PCI 6.1 */

/* This room runs once, at start: it is compiled for size, not for speed. */
#define COLD __attribute__((cold))

/* What a look at one number of a bus finds. Each word is read once. */
struct config_function {
	uint32_t id;    /* as CONFIG_ID; CONFIG_ABSENT */
	uint8_t header; /* header type without its multi-function bit */
	uint8_t step;   /* distance to the next number worth a look: 1 or 8 */
};

/*
 * Look at (function). For walks over one bus: start at function 0 of device 0, go on by step while
 * below 256. A device that says it has function 0 only is not asked for its other seven (PCI
 * 3.2.2.3.4).
 */
COLD struct config_function ivsh_config_look(const struct ivsh_platform *port, uint32_t function);

/* The part of a bus number word that steers configuration cycles. */
struct config_buses {
	uint32_t secondary; /* the bus behind the bridge */
	uint32_t
	    subordinate; /* the highest bus behind the bridge; 0: no numbers, or impossible ones */
};

/*
 * The bus numbers of the bridge at (function). Numbers that do not lead away from the bridge's own
 * bus count as none, so that following them ends.
 */
COLD struct config_buses ivsh_config_buses(const struct ivsh_platform *port, uint32_t function);

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

/* Passes over the buses. All that is not (in) is 0 at first. */
struct config_scan {
	uint32_t id;    /* in: what to look for, as CONFIG_ID */
	uint32_t index; /* in: which one of those, counted from 0 */
	bool
	    all; /* in: look for other root buses too; becomes true if something says that there are */
	bool seen;             /* there was one with this id, if not the one */
	uint32_t function;     /* the function found */
	struct bus_set known;  /* bus 0, and those right behind a bridge */
	struct bus_set behind; /* those that bridges have for what is further behind them */
	struct bus_set roots;  /* bus 0, and those that answer though no bridge leads there */
	struct bus_set looked; /* those that were looked at: no other pass does so again */
};

/*
 * One pass: look for a function on every bus. True: it was found, and the pass ended there.
 *
 * Root buses other than 0 are announced by nothing but tables that only the port could read, so all
 * 256 are tried: 32 reads each, which can take longer than a boot should. It is done when bus
 * 0 has another host bridge beside its own (QEMU's pxb and pxb-pcie are such), or when (all) says so.
 */
COLD bool ivsh_scan(const struct ivsh_platform *port, struct config_scan *scan);

static inline uint32_t config_read(
    const struct ivsh_platform *port, uint32_t function, uint32_t offset)
{
	return port->config_read(port->ctx, function, offset);
}

static inline void config_write(
    const struct ivsh_platform *port, uint32_t function, uint32_t offset, uint32_t value)
{
	port->config_write(port->ctx, function, offset, value);
}

/* How many BARs a function with this header has. */
static inline uint32_t config_bars(uint8_t header)
{
	if (header == HEADER_NORMAL)
		return 6;
	return header == HEADER_BRIDGE ? 2 : 0;
}

/*
 * Take (clear) out of COMMAND and put (set) in; answers the COMMAND that was there. The STATUS half
 * is written as zero, which leaves it as it is (PCI 6.2.3: its bits are cleared by ones).
 */
COLD uint32_t ivsh_config_command(
    const struct ivsh_platform *port, uint32_t function, uint32_t clear, uint32_t set);

#endif
