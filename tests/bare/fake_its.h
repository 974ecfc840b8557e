/* SPDX-License-Identifier: MIT */
/*
 * fake_its.h - an ITS and a redistributor that have any parameters, stop, stall, or hold on to what
 * they had; and what else lib/bare/aarch64/its.c calls.
 *
 * They check that tables are whole, aligned, zero and their own, and that no command is about what
 * is not mapped.
 */
#ifndef FAKE_ITS_H
#define FAKE_ITS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define FRAME UINT64_C(0x8080000) /* where the ITS is */
#define DEVICES 32u
#define EVENTS 4096u

/* What a machine is, and what it does wrong. A number that is 0 is as QEMU has it. */
struct machine {
	const char *name;
	uint32_t entry, event_bits, device_bits; /* GITS_TYPER */
	bool by_address;                         /* PTA */
	uint32_t page;                           /* of the tables, and 1 more; 0: any */
	uint32_t table_entry;
	uint32_t id_bits, lpi_bits; /* GICD_TYPER; 0: no such limit */
	bool no_lpis, owned;        /* owned: a former owner's tables are in use */
	bool keeps_its, keeps_lpis; /* it goes on with these */
	uint32_t no_memory;         /* the allocation, counted from 1, that fails; 0: none */
	uint32_t stops, stalls;     /* at this command, counted from 1; 0: at none */
	bool recovers;              /* the second try succeeds */
	const char *why, *line;     /* parts of what is said; NULL: nothing */
	uint32_t slots;
};

struct fake_its {
	uint32_t ctlr, cwriter, creadr;
	uint64_t cbaser, baser[8];
	bool collection;
	uint32_t commands, faults;
	struct {
		bool valid;
		uint32_t id, bits;
		uint64_t table;
		uint32_t intid[EVENTS];
	} devices[DEVICES];
};

extern struct machine machine;
extern struct fake_its its;
extern uint32_t block_count; /* of allocations */
extern char printed[256];

#define FAULT(condition)                                       \
	do {                                                   \
		if (condition) {                               \
			printf("    fault: %s\n", #condition); \
			its.faults++;                          \
		}                                              \
	} while (0)

/* Make the devices those of (m), after a reset or a former owner. */
void fake_init(const struct machine *m);

/* The index in its.devices of the one with (id). DEVICES: none. */
uint32_t fake_find(uint32_t id);

/* The processor, as commands name it. */
uint64_t fake_target(void);

#endif
