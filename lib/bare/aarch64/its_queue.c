/* SPDX-License-Identifier: MIT */
/*
 * its_queue.c - the command queue of an ITS (GICv3 5.3).
 *
 * A ring of 32-byte commands in memory: we store behind the offset in CWRITER, the ITS has executed
 * up to the one in CREADR, which is the same again after execute(). The ring is full with one
 * command less than it has room for. An ITS that meets a command that it cannot execute may stop
 * there and say "stalled"; it tries the command once more if CWRITER's bit 0 is written.
 */
#include "bare/aarch64/its_queue.h"

#include "bare/aarch64/a64.h"
#include "bare/aarch64/controller.h"
#include "bare/aarch64/lpi.h"
#include "bare/aarch64/registers.h"

#include <stddef.h>

#define GITS_CBASER 0x0080u               /* GICv3 12.19.2: bits 7:0 are the 4 KiB pages, minus 1 */
#define CBASER_CACHED (UINT64_C(7) << 59) /* normal, write-back */
#define GITS_CWRITER 0x0088u
#define CWRITER_RETRY 0x1u
#define GITS_CREADR 0x0090u
#define CREADR_STALLED 0x1u
#define OFFSET 0xfffe0u /* of both */

#define QUEUE_SIZE 4096u
#define COMMAND_SIZE 32u

static void *its;
static uint64_t *queue;
static uint32_t write; /* where the next command goes */
static uint32_t given; /* as far as CWRITER has it */
static bool failed;

bool a64_its_queue_open(void *registers)
{
	its = registers;
	write = given = 0;
	failed = false;
	if (queue == NULL)
		queue = a64_memory(QUEUE_SIZE, 0);
	if (queue == NULL)
		return false;
	a64_write64(its, GITS_CBASER,
	    (uintptr_t)queue | A64_ITS_VALID | CBASER_CACHED | A64_GIC_SHAREABLE |
		(QUEUE_SIZE / 4096 - 1));
	a64_write64(its, GITS_CWRITER, 0);
	return true;
}

static void fail(const char *why)
{
	failed = true;
	a64_print("interrupts: the ITS ");
	a64_print(why);
	a64_print(": doorbells no longer interrupt: reset the machine\n");
}

/* Give the ITS what was posted, and wait until it has executed it. One that stalls is tried twice.
 */
static void execute(void)
{
	uint64_t start = 0;
	bool retried = false;

	if (!failed && given != write)
		a64_write64(its, GITS_CWRITER, write);
	given = write;
	while (!failed) {
		uint32_t read = a64_read32(its, GITS_CREADR);

		if ((read & CREADR_STALLED) != 0) {
			if (retried)
				fail("has stalled at a command");
			a64_write64(its, GITS_CWRITER, write | CWRITER_RETRY);
			retried = true;
		} else if ((read & OFFSET) == write) {
			return;
		} else if (a64_is_late(&start)) {
			fail("does not execute its commands");
		}
	}
}

void a64_its_post(uint32_t command, uint32_t device, uint64_t word1, uint64_t word2)
{
	uint64_t *at = queue + write / sizeof(*at);
	uint32_t next = (write + COMMAND_SIZE) % QUEUE_SIZE;

	if (next == given)
		execute(); /* the queue is full */
	if (failed)
		return;
	at[0] = command | (uint64_t)device << 32;
	at[1] = word1;
	at[2] = word2;
	at[3] = 0;
	a64_clean(at, at + COMMAND_SIZE / sizeof(*at));
	write = next;
}

bool a64_its_finish(void)
{
	execute();
	return !failed;
}
