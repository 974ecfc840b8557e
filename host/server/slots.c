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

#define ALARM_US 10000
#define POLLED 64u /* eventfds in one poll(2) */

/* Only there so that SIGALRM ends a read(2) or write(2) instead of the process. */
static void on_alarm(int signal)
{
	(void)signal;
}

/*
 * QEMU makes an eventfd blocking for a moment when it receives it, and any process that holds it
 * can fill or empty its counter. So poll(2) comes before each read and write, and the alarm ends
 * those that block all the same.
 */
static void set_alarm(bool is_on)
{
	const struct itimerval every = {{0, is_on ? ALARM_US : 0}, {0, is_on ? ALARM_US : 0}};
	struct sigaction action = {.sa_handler = on_alarm}; /* no SA_RESTART */

	if (is_on)
		sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &every, NULL);
}

static bool is_ready(int doorbell, short events)
{
	struct pollfd ready = {.fd = doorbell, .events = events};

	return poll(&ready, 1, 0) == 1 && (ready.revents & events);
}

int slots_doorbell(const struct slots *slots, uint32_t slot, uint32_t vector)
{
	return slots->doorbells[slot * slots->vectors + vector];
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
static bool is_any_notified(const int32_t *doorbells, uint32_t count)
{
	struct pollfd ready[POLLED];
	uint32_t n = 0;

	for (uint32_t i = 0; i < count; i++) {
		ready[n++] = (struct pollfd){.fd = doorbells[i], .events = POLLIN};
		if (n < POLLED && i + 1 < count)
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
	    !is_any_notified(&slots->doorbells[slot * slots->vectors], slots->vectors))
		return;
	set_alarm(true);
	for (uint32_t i = 0; i < slots->vectors; i++) {
		int doorbell = slots_doorbell(slots, slot, i);
		uint64_t count;

		if (is_ready(doorbell, POLLIN) && read(doorbell, &count, sizeof(count)) < 0)
			log_detail("event=drain slot=%u vector=%u error=%d", slot, i, errno);
	}
	set_alarm(false);
}

uint32_t slots_notify(const struct slots *slots)
{
	const uint64_t one = 1;
	uint32_t blocked = 0;

	if (slots->vectors == 0)
		return 0;
	set_alarm(true);
	for (uint32_t i = 0; i < slots->count; i++) {
		int doorbell = slots_doorbell(slots, i, 0);

		if (slots->slot[i].client == SLOTS_NONE)
			continue;
		/* A full one is readable: the notification is there. */
		if (is_ready(doorbell, POLLOUT) && write(doorbell, &one, sizeof(one)) < 0)
			blocked++;
	}
	set_alarm(false);
	return blocked;
}
