/* SPDX-License-Identifier: MIT */
/*
 * plug.c - a guest whose ivshmem devices are unplugged and plugged in while it runs.
 *
 * In the last page of a device's memory the runner increments word 0, and the guest copies it to
 * word 1: it answers. An ivshmem-doorbell notifies itself after each open, which shows that its
 * interrupts arrive. The memory holds nothing else: the server leaves it as it is (--raw).
 */
#include "tests/guest/plug.h"

#include "bare/arch.h"

#include <ivsh/device.h>
#include <ivsh/hotplug.h>

#include <stdbool.h>
#include <stdio.h>

#define MS UINT64_C(1000000)
#define POLL_NS (10 * MS)        /* between two polls for hot-plug events */
#define ANSWER_NS MS             /* between two looks at the memory */
#define DOORBELL_NS (30000 * MS) /* a doorbell that has not arrived by then is lost */

#define DEVICES 8u

static struct ivsh_hotplug hotplug;
static struct ivsh_device devices[DEVICES];

static struct ivsh_device *find(uint32_t function)
{
	for (uint32_t i = 0; i < DEVICES; i++)
		if (devices[i].registers != NULL && devices[i].function == function)
			return &devices[i];
	return NULL;
}

static const char *name(uint32_t function)
{
	static char text[16];

	snprintf(text, sizeof(text), "%02x:%02x.%x", (unsigned)IVSH_PCI_BUS(function),
	    (unsigned)IVSH_PCI_DEVICE(function), (unsigned)IVSH_PCI_FN(function));
	return text;
}

static volatile uint32_t *words(const struct ivsh_device *device)
{
	return (volatile uint32_t *)((char *)device->memory + device->bar[2].size - 4096);
}

/*
 * False: no doorbell arrived. QEMU hears of the device's own vectors from the server some time
 * after it has plugged the device in, and drops what is sent before.
 */
static bool doorbell_arrives(struct ivsh_device *device)
{
	uint64_t end = arch_now_ns() + DOORBELL_NS;
	struct ivsh_mem mem;
	uint32_t seen;

	if (ivsh_device_interrupts(device, 2) != 0 || device->interrupts == 0)
		return false;
	ivsh_device_mem(device, &mem);
	seen = arch_doorbells();
	while (arch_doorbells() == seen && arch_now_ns() < end) {
		mem.doorbell.notify(mem.doorbell.ctx, mem.self, 0);
		arch_sleep(seen, arch_now_ns() + POLL_NS);
	}
	return arch_doorbells() != seen;
}

/* A device that was plugged in has no addresses. */
static int assign(uint32_t function)
{
	struct ivsh_pci_windows windows;
	struct ivsh_pci_shortage shortage;
	int error;

	arch_pci_windows(&windows);
	error = ivsh_pci_assign_added(arch_platform(), &windows, function, &function, &shortage);
	if (error == IVSH_ENOSPC)
		printf("%s: no room for %llu bytes: its port needs %llu\n", name(function),
		    (unsigned long long)shortage.size, (unsigned long long)shortage.reserve);
	return error;
}

static void open_device(uint32_t function, int error)
{
	struct ivsh_device *device = devices;
	const char *doorbell = "none";

	while (device->registers != NULL && device < devices + DEVICES - 1)
		device++;
	if (!error)
		error = ivsh_device_open(device, arch_platform(), function);
	if (error) {
		printf("FAIL: plug: %s: open: %s\n", name(function), ivsh_error_text(error));
		return;
	}
	if (device->doorbell)
		doorbell = doorbell_arrives(device) ? "arrives" : "LOST";
	printf("open %s: BAR2 %#llx, %llu bytes, ID %u, doorbell %s\n", name(function),
	    (unsigned long long)device->bar[2].address, (unsigned long long)device->bar[2].size,
	    (unsigned)device->ivposition, doorbell);
	plug_print_heap();
}

static void handle(const struct ivsh_hotplug_event *event)
{
	struct ivsh_device *device = find(event->function);
	const char *verb = event->kind == IVSH_HOTPLUG_ADDED ? "added" : "leaving";
	int error;

	printf("%s %s%s\n", verb, name(event->function), device != NULL ? ": it is open" : "");
	if (device != NULL)
		ivsh_device_close(device);
	if (event->kind == IVSH_HOTPLUG_ADDED) {
		open_device(event->function, assign(event->function));
		return;
	}
	error = ivsh_hotplug_eject(&hotplug, event->function);
	printf("ejected %s: %s\n", name(event->function),
	    error ? ivsh_error_text(error) : "it has gone");
}

static void answer(void)
{
	for (uint32_t i = 0; i < DEVICES; i++)
		if (devices[i].registers != NULL)
			words(&devices[i])[1] = words(&devices[i])[0];
}

/* The time of a poll that finds nothing, of some thousand. */
static void print_cost(void)
{
	struct ivsh_hotplug_event event;
	uint64_t start = arch_now_ns();
	uint32_t count = 0;

	while (count < 4096 && ivsh_hotplug_poll(&hotplug, &event) == IVSH_EAGAIN)
		count++;
	printf("%u polls: %u ns each\n", (unsigned)count,
	    (unsigned)((arch_now_ns() - start) / (count != 0 ? count : 1)));
}

int plug_run(void)
{
	const struct ivsh_platform *platform = arch_platform();
	struct ivsh_pci_windows windows;
	struct ivsh_hotplug_event event;
	uint32_t function;
	uint64_t next = 0;
	int error;

	arch_pci_windows(&windows);
	error = ivsh_pci_assign(platform, &windows);
	if (error)
		printf("assign: %s\n", ivsh_error_text(error));
	error = ivsh_hotplug_open(&hotplug, platform);
	if (error) {
		printf("hot-plug: %s\n", ivsh_error_text(error));
		return 1;
	}
	printf("hot-plug: %s, %u ports\n", platform->hotplug != NULL ? "controller" : "ports only",
	    (unsigned)hotplug.ports);
	for (uint32_t i = 0; ivsh_device_find(platform, i, &function) == 0; i++)
		open_device(function, 0);
	print_cost();
	printf("ready\n");
	for (;;) {
		uint64_t now = arch_now_ns();

		if (now >= next) {
			while (ivsh_hotplug_poll(&hotplug, &event) == 0)
				handle(&event);
			next = arch_now_ns() + POLL_NS;
		}
		answer();
		arch_sleep(arch_doorbells(), arch_now_ns() + ANSWER_NS);
	}
}
