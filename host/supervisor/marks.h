/* SPDX-License-Identifier: MIT */
/*
 * marks.h - whether this kernel stores what sendmmsg(2) has sent while it sends (batch.h).
 */
#ifndef MARKS_H
#define MARKS_H

#include <stdbool.h>

/*
 * Try it, with a process of its own that is held up in its second message. False: it stores them at
 * the end only, as emulators may, or cannot be tried. Takes less than a millisecond.
 */
bool marks_are_stored(void);

#endif
