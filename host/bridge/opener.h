/* SPDX-License-Identifier: MIT */
/*
 * opener.h - what may wait, such as for a server that hangs, in a thread of its own: the bridge's
 * loop goes on meanwhile.
 */
#ifndef BRIDGE_OPENER_H
#define BRIDGE_OPENER_H

#include <stdbool.h>

/*
 * The begin of what is to be opened. Both calls get it. open() runs in the thread, and notes how it
 * ended behind this struct. close() closes what was opened, if anything, and frees the whole: it
 * runs where nobody wants that any more, in the thread or in the caller of opener_drop().
 */
struct opening {
	void (*open)(struct opening *opening);
	void (*close)(struct opening *opening);
	bool is_done, is_dropped; /* opener.c's */
};

/* Begin to open. 0; or -1: there is no thread for it, and the caller still has (opening). */
int opener_begin(struct opening *opening);

/* Whether open() has ended: from then on (opening) is the caller's. */
bool opener_is_done(const struct opening *opening);

/* Nobody wants it any more, open or not. NULL: nothing happens. */
void opener_drop(struct opening *opening);

/*
 * Before the process ends: wait until the threads have ended, too. One whose server hangs is not
 * waited for: it has nothing yet that others could see.
 */
void opener_end(void);

#endif
