/* SPDX-License-Identifier: MIT */
/*
 * reference.c - clocks whose frequency is known, to calibrate others by.
 *
 * Most machines have the 8254. Without it there is ACPI's timer, the frequency in CPUID, the known
 * frequency of QEMU's APIC timer, or the CMOS clock.
 */
#include "bare/x86_64/reference.h"

#include "bare/x86_64/x86.h"

#define PIT_CHANNEL_0 0x40 /* Intel 8254 data sheet */
#define PIT_COMMAND 0x43
#define PIT_RATE_GENERATOR 0x34 /* channel 0, both bytes, mode 2: counts down from 65536 */
#define PIT_LATCH_0 0x00
#define PIT_HZ 1193182u

#define ACPI_TIMER 0x608 /* QEMU's pc and q35: PM base 0x600; 24 bits */
#define ACPI_TIMER_HZ 3579545u

#define CPUID_HYPERVISOR (1u << 31) /* leaf 1, ECX */
#define LEAF_TSC 0x15u              /* SDM volume 2, CPUID */
#define LEAF_FREQUENCY 0x16u
#define LEAF_HYPERVISOR 0x40000000u
#define LEAF_HYPERVISOR_TSC 0x40000010u /* VMware's, which QEMU has too: kHz */
#define TSC_SHIFT 8

/* QEMU: hw/intc/apic.c counts nanoseconds, and so does KVM: arch/x86/kvm/lapic.h. */
#define SIGNATURE_TCG 0x54474354u
#define SIGNATURE_KVM 0x4b4d564bu
#define APIC_HZ 1000000000u

#define CMOS_INDEX 0x70 /* Motorola MC146818A data sheet */
#define CMOS_DATA 0x71
#define CMOS_SECONDS 0x00
#define CMOS_A 0x0a
#define CMOS_A_UPDATING 0x80
#define CMOS_D 0x0d
#define CMOS_D_VALID 0x80

static uint32_t pit_open(void)
{
	x86_out8(PIT_COMMAND, PIT_RATE_GENERATOR);
	x86_out8(PIT_CHANNEL_0, 0);
	x86_out8(PIT_CHANNEL_0, 0);
	return PIT_HZ;
}

static uint32_t pit_ticks(void)
{
	uint32_t low;

	x86_out8(PIT_COMMAND, PIT_LATCH_0);
	low = x86_in8(PIT_CHANNEL_0);
	return 0 - (low | (uint32_t)x86_in8(PIT_CHANNEL_0) << 8);
}

static uint32_t acpi_open(void)
{
	return x86_has_acpi_registers() ? ACPI_TIMER_HZ : 0;
}

static uint32_t acpi_ticks(void)
{
	return x86_in32(ACPI_TIMER);
}

static bool under_hypervisor(void)
{
	return (x86_cpuid(1).ecx & CPUID_HYPERVISOR) != 0;
}

static uint64_t cpuid_hz(void)
{
	uint32_t last = x86_cpuid(0).eax;
	struct x86_cpuid tsc = {0};

	if (under_hypervisor() && x86_cpuid(LEAF_HYPERVISOR).eax >= LEAF_HYPERVISOR_TSC &&
	    x86_cpuid(LEAF_HYPERVISOR).eax < LEAF_HYPERVISOR + 0x10000)
		return x86_cpuid(LEAF_HYPERVISOR_TSC).eax * UINT64_C(1000);
	if (last >= LEAF_TSC)
		tsc = x86_cpuid(LEAF_TSC);
	if (tsc.eax != 0 && tsc.ebx != 0 && tsc.ecx != 0)
		return (uint64_t)tsc.ecx * tsc.ebx / tsc.eax;
	return last >= LEAF_FREQUENCY ? (x86_cpuid(LEAF_FREQUENCY).eax & 0xffff) * UINT64_C(1000000)
				      : 0;
}

static uint32_t cpuid_open(void)
{
	return (uint32_t)(cpuid_hz() >> TSC_SHIFT);
}

static uint32_t cpuid_ticks(void)
{
	return (uint32_t)(x86_tsc() >> TSC_SHIFT);
}

static uint32_t apic_open(void)
{
	uint32_t signature = under_hypervisor() ? x86_cpuid(LEAF_HYPERVISOR).ebx : 0;

	return signature == SIGNATURE_TCG || signature == SIGNATURE_KVM ? APIC_HZ : 0;
}

static uint32_t apic_ticks(void)
{
	return 0 - x86_apic_timer_left();
}

static uint8_t cmos_read(uint8_t index)
{
	x86_out8(CMOS_INDEX, index);
	return x86_in8(CMOS_DATA);
}

static uint32_t cmos_open(void)
{
	return cmos_read(CMOS_D) == CMOS_D_VALID ? 1 : 0;
}

/*
 * Counts seconds, so that a measurement takes two or three of them. The faster ticks of this clock
 * are as late as the host's timers: 6 % were seen on a busy host.
 */
static uint32_t cmos_ticks(void)
{
	static uint32_t count;
	static uint8_t before;
	uint8_t second;

	if (cmos_read(CMOS_A) & CMOS_A_UPDATING)
		return count;
	second = cmos_read(CMOS_SECONDS);
	count += second != before;
	before = second;
	return count;
}

#define IDLE_TSC UINT64_C(20000000)         /* at least 3.3 ms */
#define CMOS_IDLE_TSC UINT64_C(15000000000) /* at least 2.5 s */

const struct x86_reference x86_references[X86_REFERENCES] = {
    {pit_open, pit_ticks, 0xffff, 2, 50, 400, 1000, IDLE_TSC},
    {acpi_open, acpi_ticks, 0xffffff, 2, 50, 400, 1000, IDLE_TSC},
    {cpuid_open, cpuid_ticks, UINT32_MAX, 2, 50, 400, 1000, IDLE_TSC},
    {apic_open, apic_ticks, UINT32_MAX, 2, 50, 400, 1000, IDLE_TSC},
    {cmos_open, cmos_ticks, UINT32_MAX, 1000, 15, 100, 1000, CMOS_IDLE_TSC},
};
