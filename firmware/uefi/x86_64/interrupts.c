/* SPDX-License-Identifier: MIT */
/*
 * interrupts.c - message signalled interrupts while boot services run.
 *
 * Theory of operation. Boot services use one interrupt, the timer's. The CPU Architectural Protocol
 * owns the interrupt table and gives out vectors. One vector is enough for all doorbells: the
 * handler counts and acknowledges, and the woken program reads all of the shared memory. The
 * handler calls nothing, as a boot service may enable interrupts or find its own locks held.
 * Because of the handler this file is compiled without floating point registers.
 *
 * The firmware has enabled the local APIC for its own timer; where it has not, there are no
 * interrupts.
 *
 * The order at the end matters. For a vector without a handler the protocol's driver returns and
 * does not acknowledge: the APIC then holds back all interrupts of that priority and below, the
 * firmware's timer too, and the shell hangs. So first the device stops sending, then what it has
 * sent has time to arrive, and then the handler is unregistered.
 */
#include "uefi/interrupts.h"

#include "bare/arch.h"
#include "bare/x86_64/local_apic.h"

#include <stdio.h>

/*
 * Vectors to try: above those of timers and old devices, below the last 16, the APIC's by custom.
 */
#define VECTOR_FIRST 0x80
#define VECTOR_LAST 0xef

/* A message takes 55 us from device to handler (QEMU 7.2, TCG); a busy host may need 20 ms. */
#define DRAIN_US 20000u

#define CPUID_APIC (UINT32_C(1) << 9) /* leaf 1, EDX: SDM volume 2, CPUID */

/*
 * UEFI Platform Initialization Specification 1.7, volume 2, 12.3, "CPU Architectural Protocol".
 * The context is a pointer to saved registers.
 */
struct cpu_arch;
typedef VOID(EFIAPI *cpu_handler)(INTN vector, VOID *context);

struct cpu_arch {
	void *flush_data_cache;
	void *enable_interrupt;
	void *disable_interrupt;
	void *get_interrupt_state;
	void *init;
	EFI_STATUS(EFIAPI *register_handler)
	(struct cpu_arch *cpu, INTN vector, cpu_handler handler);
	void *get_timer_value;
	void *set_memory_attributes;
	UINT32 number_of_timers;
	UINT32 dma_buffer_alignment;
};

static struct {
	EFI_BOOT_SERVICES *services;
	struct cpu_arch *cpu;
	INTN vector;   /* registered while open is not 0 */
	uint32_t open; /* count of open indexes */
	struct x86_local_apic apic;
	bool refused; /* there was no free vector, and a line was printed */
} irq;

static volatile uint32_t doorbells; /* only the handler writes it */

/* Runs with interrupts off, on the stack of the interrupted code. */
static VOID EFIAPI on_doorbell(INTN vector, VOID *context)
{
	(void)vector;
	(void)context;
	doorbells = doorbells + 1;
	x86_local_apic_write(&irq.apic, X86_APIC_EOI, 0);
}

/* Find this processor's local APIC. Answers NULL, or what is wrong with it. */
static const char *find_apic(void)
{
	uint64_t base, address;
	uint32_t data;

	if ((x86_cpuid(1).edx & CPUID_APIC) == 0)
		return "no local APIC";
	base = x86_msr_read(X86_APIC_BASE_MSR);
	irq.apic.registers = NULL;
	if ((base & X86_APIC_BASE_X2APIC) == 0)
		irq.apic.registers = (volatile uint32_t *)(uintptr_t)(base & X86_APIC_BASE_ADDRESS);
	if ((x86_local_apic_read(&irq.apic, X86_APIC_SPURIOUS) & X86_APIC_SPURIOUS_ENABLE) == 0)
		return "the local APIC is off";
	return x86_local_apic_message(&irq.apic, VECTOR_FIRST, &address, &data)
		   ? NULL
		   : "a message cannot name this processor's APIC";
}

/* Register the handler. Answers NULL, or why that cannot be done. */
static const char *take_vector(void)
{
	EFI_GUID guid = {
	    0x26baccb1, 0x6f42, 0x11d4, {0xbc, 0xe7, 0x00, 0x80, 0xc7, 0x3c, 0x88, 0x81}};
	EFI_STATUS status = EFI_ALREADY_STARTED;
	const char *wrong;
	void *found;

	if (EFI_ERROR(irq.services->LocateProtocol(&guid, NULL, &found)))
		return "no EFI_CPU_ARCH_PROTOCOL";
	irq.cpu = found;
	wrong = find_apic();
	if (wrong != NULL)
		return wrong;
	/* EFI_ALREADY_STARTED: another driver has this vector. */
	for (irq.vector = VECTOR_FIRST; irq.vector <= VECTOR_LAST; irq.vector++) {
		status = irq.cpu->register_handler(irq.cpu, irq.vector, on_doorbell);
		if (status != EFI_ALREADY_STARTED)
			break;
	}
	return EFI_ERROR(status) ? "no free interrupt vector" : NULL;
}

void interrupts_open(EFI_BOOT_SERVICES *services)
{
	irq.services = services;
}

int interrupts_msi_open(
    void *ctx, uint32_t function, uint32_t index, uint64_t *address, uint32_t *data)
{
	(void)ctx;
	(void)function;
	(void)index;
	if (irq.open == 0) {
		const char *wrong;

		if (irq.refused)
			return -1;
		wrong = take_vector();
		if (wrong != NULL) {
			fprintf(stderr, "ivsh: %s: polling\n", wrong);
			irq.refused = true;
			return -1;
		}
	}
	irq.open++;
	return x86_local_apic_message(&irq.apic, (uint32_t)irq.vector, address, data) ? 0 : -1;
}

void interrupts_msi_close(void *ctx, uint32_t function, uint32_t index)
{
	(void)ctx;
	(void)function;
	(void)index;
	if (irq.open == 1)
		interrupts_close();
	else if (irq.open > 0)
		irq.open--;
}

uint32_t arch_doorbells(void)
{
	return doorbells;
}

/* Known only when one is asked for. */
const char *arch_no_interrupts(void)
{
	return NULL;
}

bool interrupts_on(void)
{
	return irq.open > 0;
}

void interrupts_close(void)
{
	if (irq.open == 0)
		return;
	irq.open = 0;
	/* Interrupts are on, as they must be in each call of boot services (UEFI 2.10, 2.3.4). */
	irq.services->Stall(DRAIN_US);
	irq.cpu->register_handler(irq.cpu, irq.vector, NULL);
}
