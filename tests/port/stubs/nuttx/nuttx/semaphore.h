/* SPDX-License-Identifier: MIT */
/*
 * semaphore.h - what lib/port/nuttx uses of NuttX's header of this name.
 */
#ifndef STUB_NUTTX_SEMAPHORE_H
#define STUB_NUTTX_SEMAPHORE_H

#include <stdint.h>
#include <time.h>

struct sem_s {
	int16_t semcount;
};

typedef struct sem_s sem_t;

int nxsem_init(sem_t *sem, int pshared, int32_t value);
int nxsem_destroy(sem_t *sem);
int nxsem_wait(sem_t *sem);
int nxsem_clockwait(sem_t *sem, clockid_t clockid, const struct timespec *abstime);
int nxsem_post(sem_t *sem);
int nxsem_get_value(sem_t *sem, int *sval);

#endif
