/* SPDX-License-Identifier: MIT */
/*
 * trap.c - exceptions end the machine with a report; interrupts call their handlers.
 *
 * Exception handlers run on a stack of their own, so that they can report a full stack, whose guard
 * page raises a page fault. SDM 6.
 */
#include "bare/arch.h"
#include "bare/x86_64/x86.h"

#define VECTORS 256u
#define EXCEPTIONS 32u
#define PAGE_FAULT 14u

#define GATE_INTERRUPT 0x8e00u /* present, 64-bit interrupt gate (SDM 6.14.1) */
#define GATE_STACK_1 0x0001u   /* take the stack from IST1 */
#define TSS_AVAILABLE 0x89u    /* present, 64-bit TSS (SDM 7.2.3) */

/* As vectors.S pushes it. */
struct x86_frame {
	uint64_t r15, r14, r13, r12, r11, r10, r9, r8, rbp, rdi, rsi, rdx, rcx, rbx, rax;
	uint64_t vector, error;
	uint64_t rip, cs, rflags, rsp, ss;
};

struct tss {
	uint32_t reserved0;
	uint32_t rsp[6];
	uint32_t reserved1[2];
	uint32_t ist[14]; /* 64-bit each, IST1 first; not aligned for 64-bit stores */
	uint32_t reserved2[2];
	uint16_t reserved3, io_map;
};
_Static_assert(sizeof(struct tss) == 104, "SDM 7.7");

struct table_pointer {
	uint16_t limit;
	uint64_t base;
} __attribute__((__packed__));

extern uint64_t x86_gdt[];
extern char x86_vectors[];
void x86_interrupt(const struct x86_frame *frame);

static uint64_t idt[VECTORS][2] __attribute__((__aligned__(16)));
static struct tss tss;
static void (*handlers[VECTORS])(uint32_t vector);

static const char *const names[EXCEPTIONS] = {"divide error", "debug", "NMI", "breakpoint",
    "overflow", "bound range", "invalid opcode", "no FPU", "double fault", "FPU overrun",
    "invalid TSS", "segment not present", "stack segment", "general protection", "page fault",
    "reserved", "x87 error", "alignment check", "machine check", "SIMD error", "virtualization",
    "control protection"};

void x86_print(const char *text)
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
	x86_print(name);
	arch_console_write(text, sizeof(text));
}

static void print_number(const char *name, uint32_t value)
{
	char text[2] = {(char)('0' + value / 10 % 10), (char)('0' + value % 10)};

	x86_print(name);
	arch_console_write(value < 10 ? text + 1 : text, value < 10 ? 1 : 2);
}

static _Noreturn void report(const struct x86_frame *f)
{
	static bool reporting;
	uint64_t cr2;

	__asm__ volatile("mov %%cr2, %0" : "=r"(cr2));
	if (reporting)
		arch_exit(ARCH_EXIT_TRAP);
	reporting = true;

	print_number("\ntrap ", (uint32_t)f->vector);
	x86_print(": ");
	x86_print(names[f->vector] != NULL ? names[f->vector] : "reserved");
	if (f->vector == PAGE_FAULT && cr2 >= (uintptr_t)image_guard &&
	    cr2 < (uintptr_t)image_stack)
		x86_print(", the stack is full");
	print_hex("\n  error ", f->error);
	print_hex("  cr2 ", cr2);
	print_hex("  rflags ", f->rflags);
	print_hex("\n  rip ", f->rip);
	print_hex("  rsp ", f->rsp);
	print_hex("  rbp ", f->rbp);
	print_hex("\n  rax ", f->rax);
	print_hex("  rbx ", f->rbx);
	print_hex("  rcx ", f->rcx);
	print_hex("\n  rdx ", f->rdx);
	print_hex("  rsi ", f->rsi);
	print_hex("  rdi ", f->rdi);
	print_hex("\n  r8  ", f->r8);
	print_hex("  r9  ", f->r9);
	print_hex("  r10 ", f->r10);
	print_hex("\n  r11 ", f->r11);
	print_hex("  r12 ", f->r12);
	print_hex("  r13 ", f->r13);
	print_hex("\n  r14 ", f->r14);
	print_hex("  r15 ", f->r15);
	x86_print("\n");
	arch_exit(ARCH_EXIT_TRAP);
}

/* From vectors.S, with interrupts off. */
void x86_interrupt(const struct x86_frame *frame)
{
	uint32_t vector = (uint32_t)frame->vector & 0xff;

	if (vector < EXCEPTIONS)
		report(frame);
	if (vector == X86_VECTOR_SPURIOUS)
		return;
	if (handlers[vector] != NULL)
		handlers[vector](vector);
	x86_apic_eoi();
}

void x86_interrupt_handler(uint32_t vector, void (*handler)(uint32_t vector))
{
	if (vector >= EXCEPTIONS && vector < X86_VECTOR_SPURIOUS)
		handlers[vector] = handler;
}

static void set_gate(uint32_t vector)
{
	uint64_t stub = (uint64_t)(uintptr_t)x86_vectors + vector * 16u;
	uint64_t flags = GATE_INTERRUPT | (vector < EXCEPTIONS ? GATE_STACK_1 : 0);

	idt[vector][0] =
	    (stub & 0xffff) | X86_CODE_SELECTOR << 16 | flags << 32 | (stub >> 16 & 0xffff) << 48;
	idt[vector][1] = stub >> 32;
}

void x86_trap_init(void)
{
	struct table_pointer pointer = {sizeof(idt) - 1, (uint64_t)(uintptr_t)idt};
	uint64_t base = (uint64_t)(uintptr_t)&tss;
	uint64_t *descriptor = &x86_gdt[X86_TSS_SELECTOR / 8];
	uint16_t selector = X86_TSS_SELECTOR;

	tss.ist[0] = (uint32_t)(uintptr_t)image_trap_stack_end;
	tss.io_map = sizeof(tss); /* beyond the limit: no map */
	descriptor[0] = (sizeof(tss) - 1) | (base & 0xffffff) << 16 |
			(uint64_t)TSS_AVAILABLE << 40 | (base >> 24 & 0xff) << 56;
	descriptor[1] = base >> 32;
	for (uint32_t vector = 0; vector < VECTORS; vector++)
		set_gate(vector);
	__asm__ volatile("ltr %0" : : "r"(selector) : "memory");
	__asm__ volatile("lidt %0" : : "m"(pointer) : "memory");
}

_Noreturn void x86_fatal(const char *why)
{
	x86_print(why);
	x86_print("\n");
	arch_exit(1);
}
