/* SPDX-License-Identifier: MIT */
/*
 * slots.c - the table of slots, and their eventfds.
 */
#include "server/slots.h"
#include "process/log.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/time.h>
#include <unistd.h>

#define SLOTS_ALARM_US 10000
#define SLOTS_POLLED 64u /* eventfds in one poll(2) */

/* Only there so that SIGALRM ends a read(2) or write(2) instead of the process. */
static void slots_alarm(int signal)
{
	(void)signal;
}

/*
 * QEMU makes an eventfd blocking for a moment when it receives it, and any process that holds it
 * can fill or empty its counter: so poll(2) comes first, and for what slips between the two there
 * is the alarm.
 */
static void slots_alarm_set(bool on)
{
	const struct itimerval every = {{0, on ? SLOTS_ALARM_US : 0}, {0, on ? SLOTS_ALARM_US : 0}};
	struct sigaction action = {.sa_handler = slots_alarm}; /* no SA_RESTART */

	if (on)
		sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &every, NULL);
}

static bool slots_is_ready(int bell, short events)
{
	struct pollfd ready = {.fd = bell, .events = events};

	return poll(&ready, 1, 0) == 1 && (ready.revents & events);
}

int slots_bell(const struct slots *slots, uint32_t slot, uint32_t vector)
{
	return slots->bells[slot * slots->vectors + vector];
}

uint32_t slots_lowest_free(const struct slots *slots)
{
	for (uint32_t i = 0; i < slots->count; i++)
		if (slots->slot[i].client == SLOTS_NONE && !slots->names[i] &&
		    (!slots->known || slots->known[i] == 0))
			return i;
	return SLOTS_NONE;
}

/* Whether one of (count) eventfds holds anything. */
static bool slots_are_rung(const int32_t *bells, uint32_t count)
{
	struct pollfd ready[SLOTS_POLLED];
	uint32_t n = 0;

	for (uint32_t i = 0; i < count; i++) {
		ready[n++] = (struct pollfd){.fd = bells[i], .events = POLLIN};
		if (n < SLOTS_POLLED && i + 1 < count)
			continue;
		if (poll(ready, n, 0) != 0)
			return true;
		n = 0;
	}
	return false;
}

void slots_drain(const struct slots *slots, uint32_t slot)
{
	/* Nobody ever had them. */
	if (slots->slot[slot].times == 0 ||
	    !slots_are_rung(&slots->bells[slot * slots->vectors], slots->vectors))
		return;
	slots_alarm_set(true);
	for (uint32_t i = 0; i < slots->vectors; i++) {
		int bell = slots_bell(slots, slot, i);
		uint64_t count;

		if (slots_is_ready(bell, POLLIN) && read(bell, &count, sizeof count) < 0)
			log_detail("event=drain slot=%u vector=%u error=%d", slot, i, errno);
	}
	slots_alarm_set(false);
}

uint32_t slots_ring(const struct slots *slots)
{
	const uint64_t one = 1;
	uint32_t blocked = 0;

	if (slots->vectors == 0)
		return 0;
	slots_alarm_set(true);
	for (uint32_t i = 0; i < slots->count; i++) {
		int bell = slots_bell(slots, i, 0);

		if (slots->slot[i].client == SLOTS_NONE)
			continue;
		/* A full one is readable: nothing is lost. */
		if (slots_is_ready(bell, POLLOUT) && write(bell, &one, sizeof one) < 0)
			blocked++;
	}
	slots_alarm_set(false);
	return blocked;
}
