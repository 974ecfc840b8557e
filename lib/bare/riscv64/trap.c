/* SPDX-License-Identifier: MIT */
/*
 * trap.c - exceptions end the machine with a report; interrupts call their handlers.
 *
 * Privileged 4.1.
 */
#include "bare/arch.h"
#include "bare/riscv64/riscv.h"

#define EXCEPTIONS 16u
#define INTERRUPT (UINT64_C(1) << 63)

/* As vectors.S stores it: x0 to x31, without what x0 is. */
struct rv_frame {
	uint64_t x[32];
};

extern char rv_vector[];
void rv_interrupt(uint64_t cause);
_Noreturn void rv_exception(const struct rv_frame *frame);

static const char *const causes[EXCEPTIONS] = {"instruction address misaligned",
    "instruction access fault", "illegal instruction", "breakpoint", "load address misaligned",
    "load access fault", "store address misaligned", "store access fault", "call from U-mode",
    "call from S-mode", "reserved", "call from M-mode", "instruction page fault", "load page fault",
    "reserved", "store page fault"};

static const char *const registers[32] = {"zero", "ra  ", "sp  ", "gp  ", "tp  ", "t0  ", "t1  ",
    "t2  ", "s0  ", "s1  ", "a0  ", "a1  ", "a2  ", "a3  ", "a4  ", "a5  ", "a6  ", "a7  ", "s2  ",
    "s3  ", "s4  ", "s5  ", "s6  ", "s7  ", "s8  ", "s9  ", "s10 ", "s11 ", "t3  ", "t4  ", "t5  ",
    "t6  "};

void rv_print(const char *text)
{
	size_t size = 0;

	while (text[size] != '\0')
		size++;
	arch_console_write(text, size);
}

static void print_hex(const char *name, uint64_t value)
{
	char text[16];

	for (uint32_t i = 0; i < 16; i++)
		text[i] = "0123456789abcdef"[value >> (60 - 4 * i) & 15];
	rv_print(name);
	rv_print(" ");
	arch_console_write(text, sizeof(text));
}

static void print_number(const char *name, uint64_t value)
{
	char text[2] = {(char)('0' + value / 10 % 10), (char)('0' + value % 10)};

	rv_print(name);
	arch_console_write(value < 10 ? text + 1 : text, value < 10 ? 1 : 2);
}

static bool is_between(uint64_t address, const char *start, const char *end)
{
	return address >= (uintptr_t)start && address < (uintptr_t)end;
}

/* From vectors.S, on the trap stack, with interrupts off. */
_Noreturn void rv_exception(const struct rv_frame *frame)
{
	static bool reporting;
	uint64_t cause = rv_read(scause), value = rv_read(stval);

	if (reporting)
		arch_exit(ARCH_EXIT_TRAP);
	reporting = true;

	print_number("\ntrap ", cause);
	rv_print(": ");
	rv_print(cause < EXCEPTIONS ? causes[cause] : "reserved");
	if (is_between(value, image_guard, image_stack))
		rv_print(", the stack is full");
	if (is_between(value, image_trap_guard, image_trap_stack))
		rv_print(", the stack of exceptions is full");
	print_hex("\n  scause", cause);
	print_hex("  sepc", rv_read(sepc));
	print_hex("  stval", value);
	for (uint32_t i = 1; i < 32; i++) {
		rv_print((i - 1) % 3 == 0 ? "\n  " : "  ");
		print_hex(registers[i], frame->x[i]);
	}
	rv_print("\n");
	arch_exit(ARCH_EXIT_TRAP);
}

/* Likewise. Others than these two are not enabled. */
void rv_interrupt(uint64_t cause)
{
	if (cause == (INTERRUPT | RV_INTERRUPT_TIMER))
		rv_timer_interrupt();
	else if (cause == (INTERRUPT | RV_INTERRUPT_EXTERNAL))
		rv_imsic_interrupt();
}

void rv_trap_init(void)
{
	rv_write(sscratch, (uintptr_t)image_trap_stack_end);
	rv_write(stvec, (uintptr_t)rv_vector);
}

_Noreturn void rv_fatal(const char *why)
{
	rv_print(why);
	rv_print("\n");
	arch_exit(1);
}
