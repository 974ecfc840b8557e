/* SPDX-License-Identifier: MIT */
/*
 * say.h - how often the log has a line of what others can cause without end: the first time at
 * once, and from then on once a second, with how often it has happened since. So none is hidden,
 * and a flood on the bus is none in the log.
 */
#ifndef BRIDGE_SAY_H
#define BRIDGE_SAY_H

#include <stdbool.h>
#include <stdint.h>

#define SAY_NS UINT64_C(1000000000)
#define SAY_ALL UINT64_MAX /* for (now): whatever is left, since no later line will say it */

/* An event of one kind. Zeroed: it has not happened. */
struct say {
	uint64_t ns;    /* of the last line; 0: there was none */
	uint64_t times; /* how often it has happened since */
	uint64_t count; /* messages of all these, UINT64_MAX at the most */
};

/* It has happened, to (count) messages. */
void say_add(struct say *say, uint64_t count);

/* Whether a line of it is due. */
bool say_is_due(const struct say *say, uint64_t now);

/* What the line says, which is to be written now; nothing of it is left. */
struct say say_take(struct say *say, uint64_t now);

/* " times=N", for the line's end; "" for once. */
const char *say_times(char text[32], const struct say *said);

#endif
