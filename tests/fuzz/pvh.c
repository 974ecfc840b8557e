/* SPDX-License-Identifier: MIT */
/*
 * pvh.c - a loader that writes anything: start info, memory map and command line.
 *
 * The memory is 64 KiB at an address that the input chooses; there is no other.
 */
#include "tests/fuzz/feed.h"

#include "bare/arch.h"
#include "bare/x86_64/x86.h"

#include <setjmp.h>
#include <string.h>

/* On the real machine the linker script defines it. */
char image_end[16];

static uint8_t memory[65536];
static uint64_t memory_start;
static jmp_buf fatal;

void *x86_map(uint64_t address, uint64_t size, enum ivsh_map kind)
{
	(void)kind;
	if (address < memory_start || address - memory_start > sizeof(memory) ||
	    size > sizeof(memory) - (address - memory_start))
		return NULL;
	return memory + (address - memory_start);
}

_Noreturn void x86_fatal(const char *why)
{
	FUZZ_MUST(why != NULL && *why != 0);
	longjmp(fatal, 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint32_t at;

	feed_set(data, size);
	memset(memory, 0x20, sizeof(memory));
	memory_start = feed_number(2) << 12;
	at = (uint32_t)feed_number(2);
	feed_bytes(memory + at, sizeof(memory) - at);
	if (setjmp(fatal) != 0)
		return 0;
	x86_pvh_init((uint32_t)memory_start + at);
	FUZZ_MUST(x86_ram_end((uint64_t)(uintptr_t)image_end - 1) >= (uintptr_t)image_end);
	(void)x86_ram_top(UINT64_MAX);
	if (arch_command_line())
		FUZZ_MUST(strlen(arch_command_line()) < 4096);
	return 0;
}
