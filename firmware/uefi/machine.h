/* SPDX-License-Identifier: MIT */
/*
 * machine.h - what a QEMU machine has for UEFI beside its firmware: x86_64/ has one implementation,
 * and virt/ that of aarch64 and riscv64.
 */
#ifndef UEFI_MACHINE_H
#define UEFI_MACHINE_H

#include <ivsh/platform.h>

#include <efi.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* First, once. (system) is valid as long as the program runs. */
void machine_open(EFI_SYSTEM_TABLE *system);

/* A number from the processor's random numbers and its clock, and from (more). Not for secrets. */
uint64_t machine_random(uint64_t more);

/*
 * Find the VM generation, set platform->vm_generation, and make platform->seed depend on it; where
 * there is none nothing changes. Answers the machine's identity; 0: there is none.
 */
uint64_t machine_generation_open(struct ivsh_platform *platform);

/* The hot-plug controller, for platform->hotplug. NULL: there are only slots of PCIe ports. */
const struct ivsh_hotplug_controller *machine_hotplug(const struct ivsh_platform *platform);

/*
 * The firmware's window for 64-bit BARs: its bytes by default, and the name of
 * QEMU's fw_cfg file that makes it larger, in MiB. NULL: the machine has no larger one.
 */
struct machine_window {
	uint64_t size;
	const char *option;
};
struct machine_window machine_window(void);

/*
 * Keep, of the addresses from *start to before *end, the largest piece that is for PCI's devices.
 * False: there is none.
 */
bool machine_pci(uint64_t *start, uint64_t *end);

/*
 * A serial port by its registers, for firmware that shows text nowhere. False: there is none, or
 * this machine's firmware has it as its console in any case.
 */
bool machine_serial_open(void);
void machine_serial_write(const char *bytes, size_t size);

/*
 * End QEMU with what (status), which is not 0, becomes there (bare/arch.h, arch_exit()). Returns if
 * QEMU has no device for that, or ends later.
 */
void machine_exit(int status);

#endif
