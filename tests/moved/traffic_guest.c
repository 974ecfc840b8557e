/* SPDX-License-Identifier: MIT */
/*
 * traffic_guest.c - traffic.h on bare metal.
 */
#include "bare/arch.h"
#include "bare/newlib/bare.h"
#include "tests/moved/traffic.h"

#include <ivsh/device.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char bare_name[] = "traffic";

#define VECTORS 2u
#define KEPT_AT 0x1400000u /* 20 MiB, above the image and below the page tables */
#define KEPT_MAGIC UINT64_C(0x6b65707420686572)

static struct ivsh_device device;
static bool is_open;

static int open_device(struct ivsh_mem *mem)
{
	struct ivsh_pci_windows windows;
	uint32_t function;
	int error = 0;

	if (!is_open) {
		arch_pci_windows(&windows);
		error = ivsh_pci_assign(arch_platform(), &windows);
		if (!error)
			error = ivsh_device_find(arch_platform(), 0, &function);
		if (!error)
			error = ivsh_device_open(&device, arch_platform(), function);
		if (error)
			return error;
		is_open = true;
		error = ivsh_device_interrupts(&device, VECTORS);
	}
	ivsh_device_mem(&device, mem);
	return error;
}

static void close_device(void)
{
	if (is_open)
		ivsh_device_close(&device);
	is_open = false;
}

static bool leaving(void)
{
	return false;
}

static void nap(uint64_t ns)
{
	arch_sleep(arch_doorbells(), arch_now_ns() + ns);
}

/*
 * The start code zeroes the image's own memory, and nothing does that to the rest of the heap, as
 * long as it was not given out.
 */
static void *kept(uint32_t size)
{
	struct {
		uint64_t magic, again;
	} *head = (void *)(uintptr_t)KEPT_AT;
	char *start, *end;

	arch_heap(&start, &end);
	if ((uintptr_t)start > KEPT_AT || (uintptr_t)end < KEPT_AT + sizeof(*head) + size) {
		printf("FAIL: traffic: no memory at %#x\n", KEPT_AT);
		exit(1);
	}
	if (head->magic != KEPT_MAGIC || head->again != ~KEPT_MAGIC)
		memset(head + 1, 0, size);
	head->magic = KEPT_MAGIC;
	head->again = ~KEPT_MAGIC;
	return head + 1;
}

int main(int argc, char **argv)
{
	static const struct traffic_world world = {
	    .open = open_device,
	    .close = close_device,
	    .key = arch_console_read,
	    .leaving = leaving,
	    .now_ns = arch_now_ns,
	    .nap = nap,
	    .seed = arch_nonce,
	    .kept = kept,
	};

	if (!traffic_options(argc, argv)) {
		printf("FAIL: traffic: peers=: 2 to 8\n");
		return 2;
	}
	return traffic_run(&world);
}
