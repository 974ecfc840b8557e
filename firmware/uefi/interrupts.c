/* SPDX-License-Identifier: MIT */
/*
 * interrupts.c - message signalled interrupts while boot services run.
 *
 * Theory of operation. Boot services have one interrupt, the timer's, and a driver that owns the
 * interrupt table: the CPU Architectural Protocol, which hands out vectors. One is enough: the
 * handler counts and acknowledges, and who is awake looks at all of the memory. It calls nothing:
 * a boot service may turn interrupts on inside it, or find its own locks held. This file is
 * compiled without floating point registers for its sake.
 *
 * A message is a write to the local APIC's window (Intel SDM volume 3, 10.11), which firmware has
 * turned on for its own timer; where it has not, there are no interrupts. In x2APIC mode only the
 * way to the registers differs. QEMU's TCG has none, so that half is untested.
 *
 * The order at the end matters. For a vector without a handler the driver returns and does not
 * acknowledge: the APIC then holds back every interrupt of that priority or a lower one, the
 * firmware's timer too, and the shell stops. So first the device is kept from sending, then what
 * it has sent already gets time to arrive, and only then the handler goes.
 */
#include "uefi/interrupts.h"

#include <stdio.h>

/* Where to look for a vector: above what firmware gives to old devices and timers, below the
 * last sixteen, where an APIC's own are by custom. */
#define VECTOR_FIRST 0x80
#define VECTOR_LAST 0xef

/* From the device to the handler takes 55 us (QEMU 7.2, TCG); 20 ms is for a busy host. */
#define DRAIN_US 20000u

#define MSI_ADDRESS 0xfee00000u /* SDM 10.11.1; APIC ID in bits 19:12 */
#define MSI_ID_SHIFT 12
#define MSI_ID_MAX 0xfeu /* 255 is all processors */

#define CPUID_APIC (1u << 9)           /* of leaf 1, EDX: SDM volume 2, CPUID */
#define APIC_BASE 0x1bu                /* IA32_APIC_BASE: SDM 10.4.4 */
#define APIC_BASE_X2 (1u << 10)        /* SDM 10.12.1 */
#define APIC_BASE_ADDRESS 0xffffff000u /* bits 35:12, and up to MAXPHYADDR; firmware stays low */
#define APIC_ID 0x020u                 /* SDM table 10-1; bits 31:24 in xAPIC mode */
#define APIC_EOI 0x0b0u
#define APIC_SPURIOUS 0x0f0u
#define APIC_SPURIOUS_ON 0x100u
#define X2APIC_MSR(offset) (0x800u + (offset) / 16) /* SDM 10.12.1.2 */

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
	INTN vector;             /* ours while open is not 0 */
	uint32_t open;           /* indexes */
	uint32_t id;             /* of this processor's APIC */
	bool x2;                 /* its registers are MSRs */
	volatile uint32_t *apic; /* else here */
	bool refused;            /* and said so */
} own;

static volatile uint32_t bells; /* written by the handler alone */

static uint64_t msr_read(uint32_t msr)
{
	uint32_t low, high;

	__asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(msr));
	return (uint64_t)high << 32 | low;
}

static uint32_t apic_read(uint32_t offset)
{
	return own.x2 ? (uint32_t)msr_read(X2APIC_MSR(offset)) : own.apic[offset / 4];
}

/* Runs with interrupts off, on the stack of whoever was interrupted. */
static VOID EFIAPI doorbell(INTN vector, VOID *context)
{
	(void)vector;
	(void)context;
	bells = bells + 1;
	if (own.x2)
		__asm__ volatile("wrmsr" : : "c"(X2APIC_MSR(APIC_EOI)), "a"(0), "d"(0) : "memory");
	else
		own.apic[APIC_EOI / 4] = 0;
}

/* Find this processor's APIC. NULL, or what is wrong with it. */
static const char *find_apic(void)
{
	uint32_t eax = 1, ebx, ecx = 0, edx;
	uint64_t base;

	__asm__ volatile("cpuid" : "+a"(eax), "=b"(ebx), "+c"(ecx), "=d"(edx));
	if ((edx & CPUID_APIC) == 0)
		return "no local APIC";
	base = msr_read(APIC_BASE);
	own.x2 = (base & APIC_BASE_X2) != 0;
	own.apic = (volatile uint32_t *)(uintptr_t)(base & APIC_BASE_ADDRESS);
	if ((apic_read(APIC_SPURIOUS) & APIC_SPURIOUS_ON) == 0)
		return "the local APIC is off";
	own.id = own.x2 ? apic_read(APIC_ID) : apic_read(APIC_ID) >> 24;
	return own.id > MSI_ID_MAX ? "a message cannot name this processor's APIC" : NULL;
}

/* Register the handler. NULL, or why that cannot be done. */
static const char *take_vector(void)
{
	EFI_GUID guid = {
	    0x26baccb1, 0x6f42, 0x11d4, {0xbc, 0xe7, 0x00, 0x80, 0xc7, 0x3c, 0x88, 0x81}};
	EFI_STATUS status = EFI_ALREADY_STARTED;
	const char *wrong;
	void *found;

	if (EFI_ERROR(own.services->LocateProtocol(&guid, NULL, &found)))
		return "no EFI_CPU_ARCH_PROTOCOL";
	own.cpu = found;
	wrong = find_apic();
	if (wrong != NULL)
		return wrong;
	/* Others' vectors answer EFI_ALREADY_STARTED and stay theirs. */
	for (own.vector = VECTOR_FIRST; own.vector <= VECTOR_LAST; own.vector++) {
		status = own.cpu->register_handler(own.cpu, own.vector, doorbell);
		if (status != EFI_ALREADY_STARTED)
			break;
	}
	return EFI_ERROR(status) ? "no free interrupt vector" : NULL;
}

void interrupts_open(EFI_BOOT_SERVICES *services)
{
	own.services = services;
}

int interrupts_msi_open(void *ctx, uint32_t index, uint64_t *address, uint32_t *data)
{
	(void)ctx;
	(void)index;
	if (own.open == 0) {
		const char *wrong;

		if (own.refused)
			return -1;
		wrong = take_vector();
		if (wrong != NULL) {
			fprintf(stderr, "ivsh: %s: polling\n", wrong);
			own.refused = true;
			return -1;
		}
	}
	own.open++;
	*address = MSI_ADDRESS | own.id << MSI_ID_SHIFT;
	*data = (uint32_t)own.vector; /* fixed delivery, edge: SDM 10.11.2 */
	return 0;
}

void interrupts_msi_close(void *ctx, uint32_t index)
{
	(void)ctx;
	(void)index;
	if (own.open == 1)
		interrupts_close();
	else if (own.open > 0)
		own.open--;
}

uint32_t interrupts_count(void *ctx)
{
	(void)ctx;
	return bells;
}

bool interrupts_on(void)
{
	return own.open > 0;
}

void interrupts_close(void)
{
	if (own.open == 0)
		return;
	own.open = 0;
	/* Interrupts are on: boot services are never called otherwise (UEFI 2.10, 2.3.4). */
	own.services->Stall(DRAIN_US);
	own.cpu->register_handler(own.cpu, own.vector, NULL);
}
