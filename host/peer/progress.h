/* SPDX-License-Identifier: MIT */
/*
 * progress.h - how far a command is, as a line on the terminal that changes, and goes at the end.
 */
#ifndef PEER_PROGRESS_H
#define PEER_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Whether there is such a line: standard error is a terminal that can erase one (TERM), and
 * progress_mute() was not called. Otherwise the calls below do nothing, as while this process is in
 * the background.
 */
bool progress_is_shown(void);

/* From here on there is none: --quiet, or the terminal has the bytes themselves. */
void progress_mute(void);

/*
 * (what) has done (done) bytes of (total); 0: nobody knows. Called as often as one likes: the line
 * changes ten times a second, and has nothing in the first half second. Other lines on standard
 * error replace it.
 */
void progress_bytes(const char *what, uint64_t done, uint64_t total);

/* (what) does (step), a phrase, and (percent) of the time is over. */
void progress_step(const char *what, const char *step, unsigned percent);

/* It is over: erase the line. */
void progress_end(void);

#endif
