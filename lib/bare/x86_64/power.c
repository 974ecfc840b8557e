/* SPDX-License-Identifier: MIT */
/*
 * power.c - the end of the machine: it is powered off, or where that is not possible, reset.
 *
 * A machine without ACPI cannot be powered off. A reset ends QEMU too, with -no-reboot; without
 * that it starts the guest again, whose command must not run a second time. So a mark in memory,
 * which survives a reset, makes the next start halt. QEMU acts on each step some time later, while
 * the guest runs on: no step may do harm after the one before.
 */
#include "bare/arch.h"
#include "bare/x86_64/x86.h"
#include "device/relax.h"

#define ACPI_PM1A_CONTROL 0x604            /* QEMU's pc and q35: PM base 0x600 */
#define ACPI_SLEEP_S5 0x2000               /* SLP_EN, SLP_TYP 0: QEMU, hw/acpi/core.c */
#define MICROVM_SLEEP UINT64_C(0xfea00200) /* QEMU, hw/i386/microvm.h: GED_MMIO_BASE_REGS */
#define MICROVM_SLEEP_S5 0x34              /* SLP_EN, SLP_TYP 5: ACPI 6.4, 4.8.3.7 */

/* q35 has the registers even with acpi=off, but SeaBIOS does not set their address then. */
#define ICH9_LPC IVSH_PCI_FUNCTION(0, 31, 0)
#define ICH9_ID 0x29188086u
#define ICH9_PM_BASE 0x40u /* Intel I/O Controller Hub 9 data sheet, 13.1.13 */
#define ICH9_PM_BASE_600 0x601u
#define ICH9_ACPI_CONTROL 0x44u /* 13.1.14 */
#define ICH9_ACPI_ENABLE 0x80u

#define RESET_CONTROL 0xcf9u /* ICH9 data sheet, 13.7.5; PIIX3 has it too */
#define RESET_SYSTEM 0x02u
#define RESET_NOW 0x06u
#define KEYBOARD_COMMAND 0x64u /* Intel 8042: pulse the line that resets the processor */
#define KEYBOARD_BUSY 0x02u
#define KEYBOARD_RESET 0xfeu
#define STATUS_READS 10000u

#define MARK_ADDRESS UINT64_C(0x1fffe0) /* right below the image: linker/x86_64.ld */
#define MARK UINT64_C(0x7465736572776f6e)

static volatile uint64_t *mark; /* NULL: no memory there */

static bool has_pm1a(void)
{
	return x86_in16(ACPI_PM1A_CONTROL) != 0xffff;
}

static void enable_ich9(void)
{
	const struct ivsh_platform *platform = arch_platform();
	uint32_t control;

	if (platform->config_read(platform->ctx, ICH9_LPC, 0) != ICH9_ID)
		return;
	control = platform->config_read(platform->ctx, ICH9_LPC, ICH9_ACPI_CONTROL);
	platform->config_write(platform->ctx, ICH9_LPC, ICH9_PM_BASE, ICH9_PM_BASE_600);
	platform->config_write(
	    platform->ctx, ICH9_LPC, ICH9_ACPI_CONTROL, control | ICH9_ACPI_ENABLE);
}

bool x86_has_acpi_registers(void)
{
	if (x86_is_microvm())
		return false;
	if (!has_pm1a())
		enable_ich9();
	return has_pm1a();
}

static bool can_power_off(void)
{
	return x86_is_microvm() ? x86_pvh_has_acpi() : x86_has_acpi_registers();
}

static void enter_s5(void)
{
	volatile uint8_t *sleep;

	if (!x86_is_microvm()) {
		x86_out16(ACPI_PM1A_CONTROL, ACPI_SLEEP_S5);
		return;
	}
	sleep = x86_map(MICROVM_SLEEP, 1, IVSH_MAP_REGISTERS);
	if (sleep != NULL)
		*sleep = MICROVM_SLEEP_S5;
}

/* By the chipset, by the keyboard controller, and last by an exception without a handler. */
static _Noreturn void reset(void)
{
	static const struct {
		uint16_t limit;
		uint64_t base;
	} __attribute__((__packed__)) nothing = {0, 0};

	x86_out8(RESET_CONTROL, RESET_SYSTEM);
	x86_out8(RESET_CONTROL, RESET_NOW);
	for (uint32_t i = 0; i < STATUS_READS && x86_in8(KEYBOARD_COMMAND) & KEYBOARD_BUSY; i++)
		relax_processor();
	x86_out8(KEYBOARD_COMMAND, KEYBOARD_RESET);
	__asm__ volatile("lidt %0; int3" : : "m"(nothing) : "memory");
	x86_stop();
}

/* It prints at the start, because the last line of the output is the program's own. */
void x86_power_init(void)
{
	if (x86_ram_end(MARK_ADDRESS) != 0)
		mark = x86_map(MARK_ADDRESS, 2 * sizeof(*mark), IVSH_MAP_MEMORY);
	if (mark != NULL && mark[0] == MARK && mark[1] == ~MARK) {
		mark[0] = mark[1] = 0;
		x86_print(
		    "power: this machine was reset because it cannot be switched off, and does"
		    " nothing more: end QEMU, or start it with -no-reboot\n");
		x86_stop();
	}
	if (!can_power_off())
		x86_print("power: this machine cannot be switched off (it has no ACPI): it is reset"
			  " at its end, which ends QEMU with -no-reboot\n");
}

_Noreturn void x86_power_off(void)
{
	if (!can_power_off()) {
		if (mark != NULL) {
			mark[0] = MARK;
			mark[1] = ~MARK;
		}
		reset();
	}
	enter_s5();
	x86_stop();
}
