/* SPDX-License-Identifier: MIT */
/*
 * controller.h - what the files of the interrupt controllers share.
 *
 * "GICv2" is Arm's IHI 0048B, "GICv3" is IHI 0069H. An INTID names an interrupt: 0 to 15 are SGIs,
 * 16 to 31 PPIs, both of one processor; 32 to 1019 are SPIs, and 8192 and up are LPIs, which are
 * messages.
 */
#ifndef A64_CONTROLLER_H
#define A64_CONTROLLER_H

#include "bare/dtb.h"

#include <stdbool.h>
#include <stdint.h>

#define A64_INTID_SPI 32u       /* the first */
#define A64_INTID_SPECIAL 1020u /* and up to 1023: there is no interrupt to take */
#define A64_INTID_LPI 8192u     /* the first */

/* Of all interrupts, as one number: a higher number is less urgent. */
#define A64_PRIORITY 0xa0u

/* A controller. An interrupt is enabled for this processor, and disabled at the start. */
struct a64_controller {
	/* Enable (intid), which is edge- or level-triggered. What was pending is forgotten. */
	void (*enable)(uint32_t intid, bool edge);
	void (*disable)(uint32_t intid);

	/* For an interrupt handler. end() takes what acknowledge() answered. */
	uint32_t (*acknowledge)(void);
	uint32_t intid; /* mask of the INTID in that */
	void (*end)(uint32_t acknowledged);
};

/* What turns a device's messages into interrupts. */
struct a64_messages {
	int (*open)(uint32_t function, uint32_t index, uint64_t *address, uint32_t *data);
	void (*close)(uint32_t slot); /* slots.h */
	uint32_t first, count;        /* INTIDs that are messages */
};

/* gicv2.c, gicv3.c: bring up the controller of (node). NULL: it cannot be reached. */
const struct a64_controller *a64_gicv2(const struct bare_dtb *dtb, uint32_t node);
const struct a64_controller *a64_gicv3(const struct bare_dtb *dtb, uint32_t node);

/* The next INTID behind the last SPI that a distributor with this GICD_TYPER has. */
uint32_t a64_gic_lines(uint32_t typer);

/*
 * v2m.c, its.c: bring up what the controller has for messages. NULL: nothing; *why says so, as
 * arch_no_interrupts() does.
 */
const struct a64_messages *a64_v2m(
    const struct bare_dtb *dtb, const struct a64_controller *gic, const char **why);
const struct a64_messages *a64_its(const struct bare_dtb *dtb, const char **why);

/* memory.c: (size) bytes of zeros for ever, aligned to (alignment), a power of 2. NULL: none. */
void *a64_memory(uint64_t size, uint64_t alignment);

#endif
