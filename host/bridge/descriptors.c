/* SPDX-License-Identifier: MIT */
/*
 * descriptors.c - how many descriptors this process has open.
 *
 * The lowest that is free does not say it: those below may have been closed, or those above be in
 * use. /proc/self/fd takes 12 us for each, and has its count as its size from Linux 6.2 on only.
 * poll(2) says of many at once which are none.
 */
#include "bridge/descriptors.h"

#include <poll.h>

#define MOST (1u << 18)
#define AT_ONCE 1024u

/* Of the (count) from (first) on. */
static uint32_t used_from(uint32_t first, uint32_t count)
{
	struct pollfd fds[AT_ONCE];
	uint32_t used = 0;

	for (uint32_t i = 0; i < count; i++)
		fds[i] = (struct pollfd){.fd = (int)(first + i)};
	/* Where it fails, all are taken to be in use. */
	if (poll(fds, count, 0) < 0)
		return count;
	for (uint32_t i = 0; i < count; i++)
		used += (fds[i].revents & POLLNVAL) == 0;
	return used;
}

uint32_t descriptors_used(uint64_t limit)
{
	uint32_t most = limit < MOST ? (uint32_t)limit : MOST, used = 0;

	for (uint32_t at = 0; at < most; at += AT_ONCE)
		used += used_from(at, most - at < AT_ONCE ? most - at : AT_ONCE);
	return used;
}
