/* SPDX-License-Identifier: MIT */
/*
 * talk.h - one short program for systems that have no C library: ping, echo and send, over a
 * transport and two calls. Every port is tried with it.
 *
 *	ping PEER COUNT     send COUNT messages to PEER, each of another size, compare every byte
 *	                    of what PEER sends back
 *	echo COUNT          send COUNT messages back, those of `ivsh ping` among them, and print
 *	                    texts, those of `ivsh send`; 0: without end. A message of more than
 *	                    4096 bytes is dropped, and a line says so
 *	send PEER WORD...   send a text to PEER, which prints it, as `ivsh recv` does
 *
 * PEER is a name or the number of a slot. It may die and come back: ping sends again what got no
 * answer.
 */
#ifndef PORT_TALK_H
#define PORT_TALK_H

#include <ivsh/ivsh.h>

/* What the program needs of its system, besides the transport. */
struct ivsh_talk {
	void *ctx;        /* first argument of the calls below */
	const char *name; /* of this peer, for others to find it by; NULL: none */

	/* Print (text), which ends with 0 and has "\n" at the end of each line. */
	void (*print)(void *ctx, const char *text);

	/* Whether the user wants the program to end; NULL: never. Called every 100 ms at least. */
	bool (*stop)(void *ctx);
};

/* How it ended; errors and the right words were printed. */
#define IVSH_TALK_DONE 0
#define IVSH_TALK_FAILED 1
#define IVSH_TALK_USAGE 2
#define IVSH_TALK_STOPPED 3

/*
 * Run the program of (words) words. The node's memory is the program's own, static, and enough for
 * a region of 8 slots: one such program runs at a time. (mem) has IVSH_SELF_NONE where the device
 * names no slot: the lowest free one is taken.
 *
 * Called by the thread that owns the device, and never from an interrupt handler.
 */
int ivsh_talk(
    const struct ivsh_talk *talk, const struct ivsh_mem *mem, int words, char *const word[]);

#endif
