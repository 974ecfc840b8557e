/* SPDX-License-Identifier: MIT */
/*
 * tasks.h - a small preemptive scheduler, and the machine below it.
 *
 * Tasks have priorities: of the tasks that can run, the one that was created first does. It is
 * chosen anew at each interrupt, a tick every 10 ms among them, and when a task waits. No task
 * uses floating-point registers, so none are saved.
 */
#ifndef TASKS_H
#define TASKS_H

#include <ivsh/platform.h>

/* --- scheduler.c ---------------------------------------------------------------------------- */

/* Before scheduler_start(). (run) never returns. There is room for 4 tasks. */
void task_create(void (*run)(void));

/* Run the tasks, and halt the processor when none can run. */
_Noreturn void scheduler_start(void);

/*
 * The calling task waits until *(word) differs from (seen), or until (deadline_ns). An interrupt
 * handler changes the word: the task then runs when the handler returns.
 */
void task_wait(const volatile uint32_t *word, uint32_t seen, uint64_t deadline_ns);

/* Called by entry.S: keeps (stack), and answers the stack of the task to run. */
uint64_t *schedule(uint64_t *stack);

/* --- machine.c ------------------------------------------------------------------------------ */

/* Interrupt vectors. */
#define VECTOR_TICK 0x20
#define VECTOR_DOORBELL 0x30
#define VECTOR_YIELD 0x31

extern volatile uint32_t doorbells; /* doorbell interrupts so far */

void machine_init(void);
uint64_t machine_now_ns(void);
void machine_print(const char *text, uint32_t size);
uint32_t machine_in32(uint16_t port);
void machine_out32(uint16_t port, uint32_t value);

/* Called by entry.S. */
uint64_t *tick(uint64_t *stack);
uint64_t *doorbell(uint64_t *stack);

/* --- platform.c ----------------------------------------------------------------------------- */

/* What libivsh.a calls. Its sleep is task_wait(). */
extern const struct ivsh_platform platform;

#endif
