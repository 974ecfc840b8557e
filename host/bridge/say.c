/* SPDX-License-Identifier: MIT */
/*
 * say.c - how often the log has a line of what others can cause without end.
 */
#include "bridge/say.h"

#include <inttypes.h>
#include <stdio.h>

void say_add(struct say *say, uint64_t count)
{
	say->times++;
	say->count = count > UINT64_MAX - say->count ? UINT64_MAX : say->count + count;
}

bool say_is_due(const struct say *say, uint64_t now)
{
	if (say->times == 0)
		return false;
	/* A caller's time may be older than that of the last line. */
	return say->ns == 0 || now == SAY_ALL || (now > say->ns && now - say->ns >= SAY_NS);
}

struct say say_take(struct say *say, uint64_t now)
{
	struct say said = *say;

	*say = (struct say){.ns = now};
	return said;
}

const char *say_times(char text[32], const struct say *said)
{
	*text = '\0';
	if (said->times > 1)
		snprintf(text, 32, " times=%" PRIu64, said->times);
	return text;
}
