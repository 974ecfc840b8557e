/* SPDX-License-Identifier: MIT */
/*
 * scheduler.c - which task runs.
 */
#include "tasks.h"

#define TASKS 4
#define STACK_WORDS 4096

struct task {
	uint64_t *stack; /* where entry.S has saved its registers */
	bool waits;
	const volatile uint32_t *word; /* the three of task_wait() */
	uint32_t seen;
	uint64_t deadline_ns;
};

/* Behind the last task: the code that called scheduler_start(), which can always run. */
static struct task tasks[TASKS + 1];
static uint32_t count, current;
static uint64_t stacks[TASKS][STACK_WORDS] __attribute__((__aligned__(16)));

void task_create(void (*run)(void))
{
	uint64_t *top = stacks[count] + STACK_WORDS;

	/* As an interrupt leaves it: 15 registers, and what iretq takes. */
	top[-2] = 16;                             /* ss */
	top[-3] = (uint64_t)(uintptr_t)(top - 1); /* rsp, as if by a call: 8 behind 16 */
	top[-4] = 0x202;                          /* rflags: interrupts on */
	top[-5] = 8;                              /* cs */
	top[-6] = (uint64_t)(uintptr_t)run;       /* rip */
	tasks[count++].stack = top - 21;
}

static bool can_run(const struct task *task)
{
	return !task->waits || *task->word != task->seen || machine_now_ns() >= task->deadline_ns;
}

uint64_t *schedule(uint64_t *stack)
{
	tasks[current].stack = stack;
	for (current = 0; !can_run(&tasks[current]);)
		current++;
	tasks[current].waits = false;
	return tasks[current].stack;
}

static void yield(void)
{
	__asm__ volatile("int %0" : : "i"(VECTOR_YIELD) : "memory");
}

void task_wait(const volatile uint32_t *word, uint32_t seen, uint64_t deadline_ns)
{
	struct task *task = &tasks[current];

	/* An interrupt between these stores finds a task that can run, or one that waits. */
	task->word = word;
	task->seen = seen;
	task->deadline_ns = deadline_ns;
	__asm__ volatile("" : : : "memory");
	task->waits = true;
	yield();
}

_Noreturn void scheduler_start(void)
{
	current = count;
	yield();
	for (;;)
		__asm__ volatile("sti; hlt");
}
