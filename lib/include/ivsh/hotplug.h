/* SPDX-License-Identifier: MIT */
/*
 * hotplug.h - ivshmem devices that are unplugged and plugged in while the guest runs.
 *
 * The guest polls. It is asked to release a device (QEMU's device_del), and the device is removed
 * only after the guest has ejected it; a device that is plugged in (device_add) has no addresses:
 *
 *	event.kind == IVSH_HOTPLUG_LEAVING:
 *		if the caller has event.function open: leave its channels, detach the region,
 *			ivsh_device_close()
 *		ivsh_hotplug_eject(&hotplug, event.function)
 *	event.kind == IVSH_HOTPLUG_ADDED:
 *		if the caller has event.function open: that device is gone: ivsh_device_close()
 *		open event.function
 *
 * Two kinds of slot are served side by side. Where the platform has a hot-plug controller of its
 * own (platform.h), as ACPI's in QEMU's pc and q35, that one reports requests. And each PCIe port
 * that has a slot is driven through its Slot Control and Slot Status registers, on any
 * architecture; no other code may drive these while a handle is open.
 *
 * A hot-plug controller's registers only say that something happened. The library compares the
 * functions that are there with those that were. Only functions with the ID of ivshmem are
 * reported; a request for another device is neither answered nor cleared.
 *
 * PCI Express Base Specification 3.0 (PCIe), 6.7 and 7.8; QEMU, docs/specs/acpi_pci_hotplug.rst.
 */
#ifndef IVSH_HOTPLUG_H
#define IVSH_HOTPLUG_H

#include <ivsh/error.h>
#include <ivsh/platform.h>

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What a handle has room for. Further ports and devices are not watched. */
#define IVSH_HOTPLUG_PORTS 32u
#define IVSH_HOTPLUG_DEVICES 32u

enum ivsh_hotplug_kind {
	/* The device is to be removed, or has gone already: close it, then eject it. */
	IVSH_HOTPLUG_LEAVING = 1,
	/* A device is there that was not, or one that had to leave has stayed: open it. */
	IVSH_HOTPLUG_ADDED = 2,
};

struct ivsh_hotplug_event {
	enum ivsh_hotplug_kind kind;
	uint32_t function; /* PCI function: IVSH_PCI_FUNCTION() */
};

/* An ivshmem function that the handle knows. Private. */
struct ivsh_hotplug_device {
	uint32_t function;
	uint32_t slot; /* which request names it */
	uint8_t state;
};

/* A PCIe port that has a slot. Private. */
struct ivsh_hotplug_port {
	uint32_t function;
	uint16_t capability; /* offset of its PCI Express capability */
	bool waiting;        /* something is in its slot, and is not known yet */
};

/* Which device a slot number of the controller was found to mean. Private. */
struct ivsh_hotplug_known {
	uint32_t slot;
	uint32_t device; /* bus and device number: function >> 3 */
};

/* A handle, in the caller's memory. The caller may read the fields before the line. */
struct ivsh_hotplug {
	const struct ivsh_platform *platform; /* the caller's; it outlives the handle */
	uint32_t ports;                       /* PCIe ports with a slot that are watched */
	/* -------- */
	uint32_t devices;
	uint32_t known_slots;
	uint64_t vm_generation; /* for which they are known */
	bool pending;           /* the next poll looks at everything */
	bool waiting;           /* a request names a device that is leaving by another one */
	struct ivsh_hotplug_port port[IVSH_HOTPLUG_PORTS];
	struct ivsh_hotplug_device device[IVSH_HOTPLUG_DEVICES];
	struct ivsh_hotplug_known known[IVSH_HOTPLUG_DEVICES];
};

/*
 * Find what can be hot-plugged on this machine, and note which ivshmem functions are there.
 *
 * After the addresses are assigned (ivsh_pci_assign(), where firmware assigns none) and before the
 * first ivsh_device_open(), so that no event is missed in between. (hotplug) needs no preparation,
 * and nothing is to be undone: the handle is only memory. Opened again, it finds ports that were
 * plugged in since.
 *
 * IVSH_ENODEV  this machine has no hot-plug: no controller, and no PCIe port with a slot.
 */
int ivsh_hotplug_open(
    struct ivsh_hotplug *hotplug, const struct ivsh_platform *platform) IVSH_MUST_CHECK;

/*
 * Answer the next event.
 *
 * Any time from the thread that owns the devices, not from an interrupt handler. Call it every 10
 * to 20 ms, also from a loop that otherwise only polls memory: QEMU's monitor waits for the answer.
 * Where nothing has happened it costs one access to an I/O port for ACPI and one read of
 * configuration space for each port: less than 1 us each under TCG, some 5 to 10 us under KVM,
 * where each leaves the guest. When something has happened, it scans the buses as ivsh_pci_find()
 * does.
 *
 * One request of ACPI may name several functions: its slot number says nothing about the bus. Each
 * of them is then reported as leaving; once the last of them is ejected, those that are still there
 * are reported as added. Which one it meant is remembered until the VM generation changes, so this
 * happens once for each bus; without a VM generation (platform.h) each time.
 *
 * IVSH_EAGAIN  no event: call it again later. *event is unchanged.
 */
int ivsh_hotplug_poll(
    struct ivsh_hotplug *hotplug, struct ivsh_hotplug_event *event) IVSH_MUST_CHECK;

/*
 * Let the device at (function) go: the machine removes it, and QEMU sends DEVICE_DELETED.
 *
 * Once for each event IVSH_HOTPLUG_LEAVING, also where the caller does not use that device, and
 * after ivsh_device_close(). It is allowed to take its time: QEMU repeats a request only when it is
 * commanded to. Its addresses are free afterwards.
 *
 * IVSH_EAGAIN  the device is still there: the request names further functions, which are to be
 *              ejected too, or it meant another device: then ivsh_hotplug_poll() reports this one
 *              as added.
 * IVSH_EINVAL  ivsh_hotplug_poll() has not reported (function) as leaving.
 */
int ivsh_hotplug_eject(struct ivsh_hotplug *hotplug, uint32_t function) IVSH_MUST_CHECK;

#ifdef __cplusplus
}
#endif
#endif
