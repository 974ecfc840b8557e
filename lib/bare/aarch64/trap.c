/* SPDX-License-Identifier: MIT */
/*
 * trap.c - exceptions end the machine with a report; interrupts call the interrupt controller.
 *
 * ARM D1.3 (exceptions) and D17.2.37 (ESR_EL1).
 */
#include "bare/aarch64/a64.h"
#include "bare/aarch64/gic.h"
#include "bare/arch.h"

enum kind {
	KIND_SYNCHRONOUS,
	KIND_IRQ,
	KIND_FIQ,
	KIND_SERROR,
	KINDS,
};

#define CLASS_UNKNOWN 0x00u
#define CLASS_DATA_ABORT 0x25u

/* As vectors.S stores it. */
struct a64_frame {
	uint64_t x[31];
	uint64_t sp, elr, spsr, esr, far;
};
_Static_assert(sizeof(struct a64_frame) == 288, "FRAME in vectors.S");

void a64_exception(uint32_t vector, struct a64_frame *frame);

static const struct {
	uint32_t class;
	const char *name;
} classes[] = {
    {CLASS_UNKNOWN, "undefined instruction"},
    {0x01, "trapped wfi or wfe"},
    {0x07, "no floating point"},
    {0x0e, "illegal execution state"},
    {0x15, "svc"},
    {0x18, "trapped system register"},
    {0x21, "instruction abort"},
    {0x22, "pc alignment"},
    {CLASS_DATA_ABORT, "data abort"},
    {0x26, "stack alignment"},
    {0x2c, "floating point"},
    {0x31, "breakpoint"},
    {0x33, "software step"},
    {0x35, "watchpoint"},
    {0x3c, "brk"},
};

void a64_print(const char *text)
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
	a64_print(name);
	arch_console_write(text, sizeof(text));
}

static void print_class(uint32_t class)
{
	char text[2] = {"0123456789abcdef"[class >> 4], "0123456789abcdef"[class & 15]};
	const char *name = "reserved";

	for (uint32_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++)
		if (classes[i].class == class)
			name = classes[i].name;
	a64_print("\ntrap 0x");
	arch_console_write(text, sizeof(text));
	a64_print(": ");
	a64_print(name);
}

/* What an abort's fault status code means. */
static const char *fault(uint32_t status)
{
	static const char *const names[] = {[0] = ", address size",
	    [1] = ", not mapped",
	    [2] = ", access flag",
	    [3] = ", no right"};

	if (status < 0x10)
		return names[status >> 2];
	if (status == 0x21)
		return ", not aligned";
	return status < 0x20 ? ", external" : "";
}

static void print_registers(const struct a64_frame *f)
{
	static const char names[][8] = {"\n  x0  ", "  x1  ", "  x2  ", "\n  x3  ", "  x4  ",
	    "  x5  ", "\n  x6  ", "  x7  ", "  x8  ", "\n  x9  ", "  x10 ", "  x11 ", "\n  x12 ",
	    "  x13 ", "  x14 ", "\n  x15 ", "  x16 ", "  x17 ", "\n  x18 ", "  x19 ", "  x20 ",
	    "\n  x21 ", "  x22 ", "  x23 ", "\n  x24 ", "  x25 ", "  x26 ", "\n  x27 ", "  x28 ",
	    "  x29 ", "\n  x30 "};

	for (uint32_t i = 0; i < 31; i++)
		print_hex(names[i], f->x[i]);
}

static bool is_between(uint64_t address, const char *start, const char *end)
{
	return address >= (uintptr_t)start && address < (uintptr_t)end;
}

static _Noreturn void report(uint32_t kind, const struct a64_frame *f)
{
	static bool reporting;
	uint32_t class = f->esr >> 26 & 63;

	if (reporting)
		arch_exit(ARCH_EXIT_TRAP);
	reporting = true;

	if (kind == KIND_SYNCHRONOUS)
		print_class(class);
	else
		a64_print(kind == KIND_SERROR ? "\ntrap: SError" : "\ntrap: FIQ");
	if (kind == KIND_SYNCHRONOUS && (class & ~5u) == 0x20)
		a64_print(fault(f->esr & 63));
	if (class == CLASS_DATA_ABORT && is_between(f->far, image_guard, image_stack))
		a64_print(": the stack is full");
	if (class == CLASS_DATA_ABORT && is_between(f->far, image_trap_guard, image_trap_stack))
		a64_print(": the stack of exceptions is full");
	print_hex("\n  esr ", f->esr);
	print_hex("  far ", f->far);
	print_hex("  spsr ", f->spsr);
	print_hex("\n  elr ", f->elr);
	print_hex("  sp  ", f->sp);
	print_registers(f);
	a64_print("\n");
	arch_exit(ARCH_EXIT_TRAP);
}

/* A call of what this machine does not have: call.S. */
static bool is_absent_call(const struct a64_frame *f)
{
	return f->esr >> 26 == CLASS_UNKNOWN &&
	       (f->elr == (uintptr_t)a64_semihosting_call || f->elr == (uintptr_t)a64_hvc_call ||
		   f->elr == (uintptr_t)a64_smc_call);
}

/* From vectors.S, with interrupts off. */
void a64_exception(uint32_t vector, struct a64_frame *frame)
{
	uint32_t kind = vector % KINDS;

	if (kind == KIND_IRQ) {
		a64_gic_interrupt();
	} else if (kind == KIND_SYNCHRONOUS && is_absent_call(frame)) {
		frame->x[0] = UINT64_MAX;
		frame->elr += 4;
	} else {
		report(kind, frame);
	}
}

_Noreturn void a64_fatal(const char *why)
{
	a64_print(why);
	a64_print("\n");
	arch_exit(1);
}
