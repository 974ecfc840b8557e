/* SPDX-License-Identifier: MIT */
/*
 * kernel.h - what ivsh_zephyr uses of Zephyr's header of this name, declared as Zephyr's API
 * documentation says. Calls that are inline there are calls here.
 */
#ifndef STUB_ZEPHYR_KERNEL_H
#define STUB_ZEPHYR_KERNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Zephyr's is 1 or 0 at compile time; here the compiler shall see both ways. */
extern int stub_enabled;
#define IS_ENABLED(option) stub_enabled

typedef struct {
	int64_t ticks;
} k_timeout_t;

#define K_NSEC(ns) ((k_timeout_t){ns})

struct k_sem {
	void *words[8];
};

int k_sem_init(struct k_sem *sem, unsigned int initial_count, unsigned int limit);
int k_sem_take(struct k_sem *sem, k_timeout_t timeout);
void k_sem_give(struct k_sem *sem);

uint64_t k_cycle_get_64(void);
int64_t k_uptime_ticks(void);
int sys_clock_hw_cycles_per_sec(void);

typedef long atomic_t;
typedef atomic_t atomic_val_t;

atomic_val_t atomic_get(const atomic_t *target);
atomic_val_t atomic_inc(atomic_t *target);

#define K_MEM_CACHE_WB 0
#define K_MEM_CACHE_NONE 2

#endif
