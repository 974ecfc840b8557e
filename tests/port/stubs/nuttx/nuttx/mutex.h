/* SPDX-License-Identifier: MIT */
/*
 * mutex.h - what lib/port/nuttx uses of NuttX's header of this name, where they are inline.
 */
#ifndef STUB_NUTTX_MUTEX_H
#define STUB_NUTTX_MUTEX_H

#include <nuttx/semaphore.h>

typedef struct mutex_s {
	sem_t sem;
} mutex_t;

#define NXMUTEX_INITIALIZER \
	{                   \
		{           \
			1   \
		}           \
	}

static inline int nxmutex_lock(mutex_t *mutex)
{
	return nxsem_wait(&mutex->sem);
}

static inline int nxmutex_unlock(mutex_t *mutex)
{
	return nxsem_post(&mutex->sem);
}

#endif
