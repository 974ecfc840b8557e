/* SPDX-License-Identifier: MIT */
/*
 * traffic_guest.c - traffic.h on bare metal.
 */
#include "bare/arch.h"
#include "bare/newlib/bare.h"
#include "tests/moved/traffic.h"

#include <ivsh/device.h>
#include <ivsh/hotplug.h>
#include <ivsh/set.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char bare_name[] = "traffic";

#define VECTORS 2u
#define KEPT_AT 0x1000000u /* bytes behind the heap's start: below the page tables */
#define KEPT_MAGIC UINT64_C(0x6b65707420686572)

#define POLL_NS UINT64_C(10000000) /* how often hot-plug is polled */

#define PARTS_MAX 16u

static struct ivsh_set_device devices[PARTS_MAX];
static struct ivsh_mem_part parts[PARTS_MAX];
/* The device is set.common; without a split region it is all that there is. */
static struct ivsh_set set = {.devices = devices, .parts = parts, .room = PARTS_MAX};
static struct ivsh_hotplug hotplug;
static bool is_open, is_split, has_hotplug, is_absent;
static uint32_t function;

/* Once, before the device is opened first: it is the first one whose memory is no part. */
static void begin(void)
{
	struct ivsh_pci_windows windows;
	bool is_part = true;

	arch_pci_windows(&windows);
	is_absent = ivsh_pci_assign(arch_platform(), &windows) != 0;
	for (uint32_t i = 0; is_part && !is_absent; i++) {
		is_absent = ivsh_device_find(arch_platform(), i, &function) != 0 ||
			    ivsh_device_open(&set.common, arch_platform(), function) != 0;
		is_part = !is_absent && ivsh_set_is_part(&set.common);
		if (!is_absent)
			ivsh_device_close(&set.common);
	}
	has_hotplug = ivsh_hotplug_open(&hotplug, arch_platform()) == 0;
}

/* Addresses for a device that was plugged in. */
static int assign_added(uint32_t at)
{
	struct ivsh_pci_windows windows;

	arch_pci_windows(&windows);
	return ivsh_pci_assign_added(arch_platform(), &windows, at, &function, NULL);
}

static int open_device(struct ivsh_mem *mem)
{
	int error = is_absent ? IVSH_ENODEV : 0;

	if (!error && !is_open) {
		error = ivsh_device_open(&set.common, arch_platform(), function);
		is_split = !error && ivsh_set_is_split(&set.common);
		if (is_split)
			error = ivsh_set_open(&set);
		if (!error)
			error = ivsh_device_interrupts(&set.common, VECTORS);
		is_open = !error;
	}
	if (!error && is_split)
		ivsh_set_mem(&set, mem);
	else if (!error)
		ivsh_device_mem(&set.common, mem);
	return error;
}

static void close_device(void)
{
	if (is_open)
		ivsh_set_close(&set);
	is_open = false;
}

static bool leaving(void)
{
	static uint64_t next_ns;
	struct ivsh_hotplug_event event;
	int error = 0;

	if (!has_hotplug || arch_now_ns() < next_ns)
		return false;
	next_ns = arch_now_ns() + POLL_NS;
	while (ivsh_hotplug_poll(&hotplug, &event) == 0) {
		if (event.kind == IVSH_HOTPLUG_LEAVING)
			return true;
		error = assign_added(event.function);
		is_absent = error != 0;
		printf("added function=%#x: %s\n", (unsigned)event.function,
		    error ? ivsh_error_text(error) : "it has addresses");
	}
	return false;
}

static void left(void)
{
	int error = ivsh_hotplug_eject(&hotplug, function);

	is_absent = true;
	printf("ejected function=%#x: %s\n", (unsigned)function,
	    error ? ivsh_error_text(error) : "it is gone");
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
	} * head;
	char *start, *end;

	arch_heap(&start, &end);
	if (end - start < KEPT_AT || (size_t)(end - start) - KEPT_AT < sizeof(*head) + size) {
		printf("FAIL: traffic: the heap has only %td bytes\n", end - start);
		exit(1);
	}
	head = (void *)(start + KEPT_AT);
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
	    .left = left,
	    .now_ns = arch_now_ns,
	    .nap = nap,
	    .seed = arch_nonce,
	    .kept = kept,
	};

	if (!traffic_options(argc, argv)) {
		printf("FAIL: traffic: peers=: 2 to 8\n");
		return 2;
	}
	begin();
	return traffic_run(&world);
}
