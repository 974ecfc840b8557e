/* SPDX-License-Identifier: MIT */
/*
 * moved.c - a guest that prints its VM generation whenever it changes, for test_moved.py: moved.elf
 * and moved.efi.
 *
 * Command line: how it looks at the word until it is ended.
 *   load   plain loads alone: nothing polls the sources that have to be polled
 *   clock  reads of the clock, without a halt
 *   sleep  halts of the processor
 *   own    as load, after it took the address of the GUID from QEMU, as if firmware had given none
 *   cost   no loop: it prints what a read of the clock and a poll cost, and ends
 *
 *   ready: machine M nonce N                   at its start; M and N have 16 hexadecimal digits
 *   generation G after US us nonce N           at its start, and at each change
 *   settled                                    no other change for 50 ms
 */
#include "bare/arch.h"
#include "bare/generation.h"
#include "device/relax.h"
#include "tests/guest/moved.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#ifdef MOVED_UEFI
#include "app/app.h"
#include "app/device.h"
#else
#include "bare/newlib/bare.h"

const char bare_name[] = "moved";
#endif

#define NAP_NS UINT64_C(5000000)
#define SETTLE_NS UINT64_C(50000000) /* longer than from one poll of any source to the next */
#define US 1000u
#define COST_READS 200000u
#define COST_POLLS 10000u

static volatile const uint64_t *word;

/* As the library: it reads the clock before it keeps the value. */
static void print_generation(uint64_t since)
{
	uint64_t now = arch_now_ns();

	printf("generation %016" PRIx64 " after %" PRIu64 " us nonce %016" PRIx64 "\n", *word,
	    (now - since) / US, arch_nonce());
}

/* Return when the word is not (last), without a look at the clock. */
static void loads(uint64_t last)
{
	while (*word == last)
		relax_processor();
}

static void clocks(uint64_t last)
{
	while (*word == last)
		(void)arch_now_ns();
}

static void sleeps(uint64_t last)
{
	while (*word == last)
		arch_sleep(arch_doorbells(), arch_now_ns() + NAP_NS);
}

/* All sources are polled meanwhile: one move must not be two changes. */
static void settle(void)
{
	uint64_t last = *word, start = arch_now_ns();

	while (arch_now_ns() - start < SETTLE_NS && *word == last)
		relax_processor();
	if (*word == last)
		printf("settled\n");
}

static _Noreturn void watch(void (*until_changed)(uint64_t last))
{
	for (;;) {
		uint64_t since, last = *word;

		settle();
		since = arch_now_ns();
		until_changed(last);
		print_generation(since);
	}
}

/* What a poll costs, each (step_ns) later than the one before: the text is read every 20 ms. */
static uint64_t poll_ns(uint64_t step_ns)
{
	uint64_t start = arch_now_ns(), end;

	for (uint32_t i = 0; i < COST_POLLS; i++)
		bare_generation_poll(bare_generation_state.polled_ns + step_ns);
	end = arch_now_ns();
	return (end - start) / COST_POLLS;
}

static int cost(void)
{
	uint64_t start = arch_now_ns();

	for (uint32_t i = 0; i < COST_READS; i++)
		(void)arch_now_ns();
	printf("clock: %" PRIu64 " ns a read\n", (arch_now_ns() - start) / COST_READS);
	printf("poll: %" PRIu64 " ns", poll_ns(0));
	printf(", %" PRIu64 " ns with the text\n", poll_ns(1000000000));
	return 0;
}

static int run(const char *how)
{
	const struct ivsh_platform *platform = arch_platform();

	printf("ready: machine %016" PRIx64 " nonce %016" PRIx64 "\n", platform->machine,
	    arch_nonce());
	if (strcmp(how, "cost") == 0)
		return cost();
	if (platform->vm_generation == NULL) {
		printf("no generation\n");
		while (strcmp(how, "sleep") == 0)
			arch_sleep(arch_doorbells(), arch_now_ns() + NAP_NS);
		return 0;
	}
	word = strcmp(how, "own") == 0 ? moved_own_word() : platform->vm_generation;
	if (word == NULL)
		return printf("FAIL: no memory of its own\n") > 0;
	print_generation(arch_now_ns());
	if (strcmp(how, "load") == 0 || strcmp(how, "own") == 0)
		watch(loads);
	if (strcmp(how, "clock") == 0)
		watch(clocks);
	watch(sleeps);
}

#ifdef MOVED_UEFI
int app_main(int argc, char **argv, const struct world *world)
{
	(void)world;
	return run(argc > 1 ? argv[1] : "");
}

const struct world *device_world(const struct machine *machine)
{
	(void)machine;
	return NULL;
}
#else
int main(int argc, char **argv)
{
	return run(argc > 1 ? argv[1] : "");
}
#endif
