/* SPDX-License-Identifier: MIT */
/*
 * opener.c - what may wait, in a thread of its own.
 *
 * Theory of operation: what is opened belongs to its thread until open() has ended, and then to the
 * bridge's. A thread for each, and not one for all: a server that hangs would hold up the slots of
 * the others. They are few: one for each slot that is not attached, the look, and the bus.
 */
#include "bridge/opener.h"

#include "process/clock.h"

#include <pthread.h>
#include <stdint.h>
#include <time.h>

#define STACK_SIZE (1u << 20)
#define END_NS UINT64_C(1000000000) /* where the server answers, a tenth of it is enough */
#define END_STEP_NS 2000000

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static uint32_t running; /* threads */

static void *run(void *closure)
{
	struct opening *opening = closure;
	bool is_dropped;

	opening->open(opening);
	pthread_mutex_lock(&lock);
	opening->is_done = true;
	is_dropped = opening->is_dropped;
	pthread_mutex_unlock(&lock);
	/* Else it is another thread's from here on. */
	if (is_dropped)
		opening->close(opening);
	pthread_mutex_lock(&lock);
	running--;
	pthread_mutex_unlock(&lock);
	return NULL;
}

int opener_begin(struct opening *opening)
{
	pthread_attr_t attributes;
	pthread_t thread;
	int error;

	opening->is_done = opening->is_dropped = false;
	if (pthread_attr_init(&attributes))
		return -1;
	error = pthread_attr_setstacksize(&attributes, STACK_SIZE);
	if (!error)
		error = pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	pthread_mutex_lock(&lock);
	if (!error)
		error = pthread_create(&thread, &attributes, run, opening);
	running += error == 0;
	pthread_mutex_unlock(&lock);
	pthread_attr_destroy(&attributes);
	return error ? -1 : 0;
}

bool opener_is_done(const struct opening *opening)
{
	bool is_done;

	pthread_mutex_lock(&lock);
	is_done = opening->is_done;
	pthread_mutex_unlock(&lock);
	return is_done;
}

void opener_drop(struct opening *opening)
{
	bool is_done;

	if (!opening)
		return;
	pthread_mutex_lock(&lock);
	is_done = opening->is_done;
	opening->is_dropped = true;
	pthread_mutex_unlock(&lock);
	if (is_done)
		opening->close(opening);
}

static uint32_t running_count(void)
{
	uint32_t count;

	pthread_mutex_lock(&lock);
	count = running;
	pthread_mutex_unlock(&lock);
	return count;
}

void opener_end(void)
{
	const struct timespec step = {.tv_nsec = END_STEP_NS};
	uint64_t end_ns = clock_now_ns() + END_NS;

	while (running_count() > 0 && clock_now_ns() < end_ns)
		nanosleep(&step, NULL);
}
