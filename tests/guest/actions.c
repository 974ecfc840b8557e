/* SPDX-License-Identifier: MIT */
/*
 * actions.c - what bare_test.elf does instead of its cases: exceptions, and an ivshmem device.
 */
#include "bare/arch.h"
#include "tests/guest/bare.h"

#include <ivsh/device.h>
#include <ivsh/pci.h>

#include <stdio.h>
#include <string.h>

#define US 1000u

static int __attribute__((noinline)) fill_stack(volatile char *above, unsigned depth)
{
	volatile char bytes[256];

	bytes[0] = *above;
	return depth == 0 ? bytes[0] : fill_stack(bytes, depth - 1) + bytes[0];
}

extern char image_text[]; /* linker/x86_64.ld and its like */
static const char constant[] = "in .rodata";

static char touch_unmapped(void)
{
	const struct ivsh_platform *platform = arch_platform();
	volatile char *at =
	    platform->map(platform->ctx, UINT64_C(1) << 38, 1 << 21, IVSH_MAP_MEMORY);

	if (at != NULL)
		platform->unmap(platform->ctx, (void *)(uintptr_t)at, 1 << 21);
	return at != NULL ? *at : 0;
}

int act_trap(const char *what)
{
	volatile uintptr_t address = 0;
	char byte = 0;

	if (strcmp(what, "null") == 0)
		byte = *(volatile char *)address;
	else if (strcmp(what, "stack") == 0)
		return fill_stack(&byte, 1000000);
	else if (strcmp(what, "text") == 0)
		*(volatile char *)(uintptr_t)image_text = 0;
	else if (strcmp(what, "unmapped") == 0)
		byte = touch_unmapped();
	else if (strcmp(what, "rodata") == 0)
		*(volatile char *)(uintptr_t)constant = 0;
	else if (strcmp(what, "data") == 0)
		((void (*)(void))(uintptr_t)&address)();
	else
		bare_trap(what);
	printf("FAIL: bare: trap %s: nothing happened %d\n", what, byte);
	return 1;
}

/* Find an ivshmem device, assign its addresses, and access its shared memory at both ends. */
int act_device(void)
{
	const struct ivsh_platform *platform = arch_platform();
	struct ivsh_pci_windows windows;
	struct ivsh_bar bar;
	uint32_t function;
	volatile uint64_t *memory;
	uint64_t last, start = arch_now_ns();
	int error;

	arch_pci_windows(&windows);
	printf("windows: low %#llx-%#llx, high %#llx-%#llx\n", (unsigned long long)windows.low.next,
	    (unsigned long long)windows.low.end, (unsigned long long)windows.high.next,
	    (unsigned long long)windows.high.end);
	error = ivsh_pci_assign(platform, &windows);
	if (!error)
		error = ivsh_pci_find(platform, 0x1af4, 0x1110, 0, &function);
	if (!error)
		error = ivsh_pci_bar(platform, function, 2, &bar);
	if (error) {
		printf("FAIL: bare: device: %s\n", ivsh_error_text(error));
		return 1;
	}
	platform->config_write(platform->ctx, function, 4,
	    (platform->config_read(platform->ctx, function, 4) & 0xffff) | 6);
	memory = platform->map(platform->ctx, bar.address, bar.size, IVSH_MAP_MEMORY);
	printf("device: function %#x, BAR2 %#llx, %#llx bytes, mapped at %p\n", (unsigned)function,
	    (unsigned long long)bar.address, (unsigned long long)bar.size,
	    (void *)(uintptr_t)memory);
	if (memory == NULL)
		return 1;
	last = bar.size / sizeof(*memory) - 1;
	memory[0] = 0x1122334455667788;
	memory[last] = 0x99aabbccddeeff00;
	if (memory[0] != 0x1122334455667788 || memory[last] != 0x99aabbccddeeff00) {
		printf("FAIL: bare: device: the memory does not keep what is written\n");
		return 1;
	}
	printf("device: first and last word kept, after %u us\n",
	    (unsigned)((arch_now_ns() - start) / US));
	return 0;
}

/*
 * As if the device was unplugged and plugged in again, 300 times, each time without addresses. They
 * are assigned, mapped, used and freed, and so are the page tables.
 */
int act_plug(void)
{
	const struct ivsh_platform *platform = arch_platform();
	struct ivsh_pci_windows windows;
	struct ivsh_device device;
	char *start, *end, *before = NULL;
	uint32_t function;

	for (unsigned round = 0; round < 300; round++) {
		int error;

		arch_pci_windows(&windows);
		error = ivsh_pci_assign(platform, &windows);
		if (!error)
			error = ivsh_device_find(platform, 0, &function);
		if (!error)
			error = ivsh_device_open(&device, platform, function);
		if (error) {
			printf("FAIL: bare: plug: round %u: %s\n", round, ivsh_error_text(error));
			return 1;
		}
		*(volatile uint32_t *)device.memory = round;
		ivsh_device_close(&device);
		for (uint32_t bar = 0x10; bar < 0x20; bar += 4)
			platform->config_write(platform->ctx, function, bar, 0);
		arch_heap(&start, &end);
		if (round == 1)
			before = end;
	}
	printf("plug: 300 rounds, page tables %s\n", before == end ? "given back" : "LOST");
	return before != end;
}

/* What is typed must all arrive, also what was typed before the program ran. */
int act_read(void)
{
	unsigned bytes = 0, sum = 0;
	uint64_t start = arch_now_ns();

	for (int byte; (byte = getchar()) != EOF; bytes++)
		sum = (sum * 31 + (unsigned)byte) & 0xffffff;
	printf("read: %u bytes, sum %u\n", bytes, sum);
	printf("read: took %u us\n", (unsigned)((arch_now_ns() - start) / US));
	return 0;
}
