/* SPDX-License-Identifier: MIT */
/*
 * busy.h - when a bridge goes on polling for a while before it sleeps.
 *
 * Theory of operation: a bridge that sleeps costs a message the time in which a processor wakes up,
 * which is most of what a round trip takes. So behind a message that came alone it goes on polling.
 * Between two looks it yields the processor: what is runnable there runs, at once, and only one
 * that would be idle polls. Where messages come as a stream it sleeps at once: what has gathered
 * when it wakes up shares a frame, and system calls. Behind polls that brought nothing it polls
 * seldom: a peer that sends a message now and then does not cost a processor's time.
 *
 * Who yields to a program that computes without end has the processor back when that one's time is
 * over, milliseconds later, while who sleeps interrupts it when a message comes. So where a yield
 * takes long, the bridge sleeps at once for a while: 20 ms, and twice as long each time, up to half
 * a second.
 */
#ifndef BRIDGE_BUSY_H
#define BRIDGE_BUSY_H

#include <stdbool.h>
#include <stdint.h>

struct busy {
	bool has_moved, is_stream; /* in this turn */
	uint64_t stream_ns;        /* when there was a stream last */
	uint64_t until_ns;         /* when the bridge sleeps; 0: at once */
	uint32_t misses;           /* polls in a row that brought nothing */
	uint32_t passed;           /* messages since, behind which it slept at once */
	uint64_t crowded_ns;       /* when polling may go on again behind a yield that took long */
	uint64_t pause_ns;         /* how long it did not, the last time; 0: it never happened */
};

/* In this turn (messages) of one pair have moved, of (bytes) in all. */
void busy_moved(struct busy *busy, uint64_t messages, uint64_t bytes);

/* The turn is over: the next sleep may begin. Polling takes (most_ns); 0: none. */
void busy_turn(struct busy *busy, uint64_t most_ns, uint64_t now);

/* Whether to look once more before the sleep. */
bool busy_goes_on(struct busy *busy, uint64_t now);

/* That look found something. */
void busy_found(struct busy *busy);

/* It found nothing, and the processor was yielded at (from), until (now). */
void busy_yielded(struct busy *busy, uint64_t from, uint64_t now);

#endif
