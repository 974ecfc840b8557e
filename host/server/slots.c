/* SPDX-License-Identifier: MIT */
/*
 * slots.c - the fixed table of slots, and their eventfds.
 */
#include "slots.h"
#include "log.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/time.h>
#include <unistd.h>

#define SLOTS_RING_US 10000

/* Only there so that SIGALRM ends a write(2) instead of the process. */
static void slots_alarm(int signal)
{
	(void)signal;
}

static int slots_bells(struct slots *slots)
{
	uint32_t count = slots->count * slots->vectors;

	for (uint32_t i = 0; i < count; i++)
		slots->bells[i] = -1;
	for (uint32_t i = 0; i < count; i++) {
		slots->bells[i] = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
		if (slots->bells[i] < 0)
			return log_failure(
			    "eventfd", "%u of %u: %s", i + 1, count, strerror(errno));
	}
	return 0;
}

int slots_open(struct slots *slots, const struct options *options)
{
	struct sigaction action = {.sa_handler = slots_alarm}; /* no SA_RESTART */

	sigaction(SIGALRM, &action, NULL);
	*slots = (struct slots){.count = options->slots, .vectors = options->vectors};
	slots->slot = calloc(slots->count, sizeof *slots->slot);
	slots->bells = calloc((size_t)slots->count * slots->vectors + 1, sizeof *slots->bells);
	if (!slots->slot || !slots->bells) {
		log_failure("slots", "%s", strerror(errno));
		free(slots->slot);
		free(slots->bells);
		*slots = (struct slots){0};
		return -1;
	}
	for (uint32_t i = 0; i < slots->count; i++)
		slots->slot[i].client = SLOTS_NONE;
	for (uint32_t i = 0; i < options->bound_count; i++)
		slots->slot[options->bound[i].slot].name = options->bound[i].name;
	if (slots_bells(slots) == 0)
		return 0;
	slots_close(slots);
	return -1;
}

int slots_bell(const struct slots *slots, uint32_t slot, uint32_t vector)
{
	return slots->bells[slot * slots->vectors + vector];
}

uint32_t slots_lowest_free(const struct slots *slots)
{
	for (uint32_t i = 0; i < slots->count; i++)
		if (slots->slot[i].client == SLOTS_NONE && !slots->slot[i].name)
			return i;
	return SLOTS_NONE;
}

/*
 * One ring. QEMU makes an eventfd blocking for a moment when it receives it, and any process that
 * holds it can fill its counter: so poll(2) first, and for what slips between the two there is the
 * alarm.
 */
static void slots_ring_one(int bell)
{
	const uint64_t one = 1;
	struct pollfd ready = {.fd = bell, .events = POLLOUT};

	if (poll(&ready, 1, 0) != 1 || !(ready.revents & POLLOUT))
		return; /* full: it is readable, nothing is lost */
	if (write(bell, &one, sizeof one) < 0 && errno == EINTR)
		log_event("event=warning what=bell-blocked");
}

void slots_ring(const struct slots *slots)
{
	const struct itimerval on = {{0, SLOTS_RING_US}, {0, SLOTS_RING_US}};
	const struct itimerval off = {{0, 0}, {0, 0}};

	if (slots->vectors == 0)
		return;
	setitimer(ITIMER_REAL, &on, NULL);
	for (uint32_t i = 0; i < slots->count; i++)
		if (slots->slot[i].client != SLOTS_NONE)
			slots_ring_one(slots_bell(slots, i, 0));
	setitimer(ITIMER_REAL, &off, NULL);
}

void slots_close(struct slots *slots)
{
	for (uint32_t i = 0; i < slots->count * slots->vectors; i++)
		if (slots->bells[i] >= 0)
			close(slots->bells[i]);
	free(slots->slot);
	free(slots->bells);
	*slots = (struct slots){0};
}
