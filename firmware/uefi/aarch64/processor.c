/* SPDX-License-Identifier: MIT */
/*
 * processor.c - Arm's part of virt: random numbers, and the end of QEMU with a status by
 * semihosting.
 *
 * Without semihosting in QEMU the call is an undefined instruction. So a handler of synchronous
 * exceptions goes on behind it. It is registered around the call alone.
 */
#include "uefi/virt/processor.h"

#include "bare/aarch64/cpu.h"
#include "bare/aarch64/qemu.h"

#include <stddef.h>
#include <stdint.h>

#define INSTRUCTION_BYTES 4u

#define EXCEPTION_SYNCHRONOUS 0 /* EXCEPT_AARCH64_SYNCHRONOUS_EXCEPTIONS: UEFI 2.10, 18.2.4 */

/* EFI_SYSTEM_CONTEXT_AARCH64, UEFI 2.10, 18.2.4. */
struct context {
	uint64_t x[32]; /* with frame pointer, link register and stack pointer */
	uint64_t v[64];
	uint64_t elr, spsr, fpsr, esr, far;
};

/* The CPU Architectural Protocol, as far as its sixth member. */
struct cpu_arch;
typedef VOID(EFIAPI *exception_handler)(INTN type, struct context *context);

struct cpu_arch {
	void *other[5];
	EFI_STATUS(EFIAPI *register_handler)
	(struct cpu_arch *cpu, INTN type, exception_handler handler);
};

const uint64_t processor_window = UINT64_C(512) << 30; /* QEMU, hw/arm/virt.c: HIGH_PCIE_MMIO */

static struct cpu_arch *cpu; /* NULL: there is none */

static VOID EFIAPI on_exception(INTN type, struct context *context)
{
	(void)type;
	context->elr += INSTRUCTION_BYTES;
	context->x[0] = UINT64_MAX;
}

void processor_open(EFI_BOOT_SERVICES *services)
{
	EFI_GUID guid = {
	    0x26baccb1, 0x6f42, 0x11d4, {0xbc, 0xe7, 0x00, 0x80, 0xc7, 0x3c, 0x88, 0x81}};
	void *found;

	if (!EFI_ERROR(services->LocateProtocol(&guid, NULL, &found)))
		cpu = found;
}

bool processor_random(uint64_t *value)
{
	return a64_random(value);
}

uint64_t processor_time(void)
{
	return a64_counter();
}

/* Without a handler the processor would stop in the firmware's dump of its registers. */
void processor_exit(int status)
{
	if (cpu == NULL ||
	    EFI_ERROR(cpu->register_handler(cpu, EXCEPTION_SYNCHRONOUS, on_exception)))
		return;
	a64_qemu_exit(status);
	cpu->register_handler(cpu, EXCEPTION_SYNCHRONOUS, NULL);
}
