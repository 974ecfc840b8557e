/* SPDX-License-Identifier: MIT */
/*
 * log.h - the log of supervisor and server: a line for each event, key=value, on stderr.
 */
#ifndef LOG_H
#define LOG_H

#include <stdbool.h>

/* Log details, too, or not. */
void log_open(bool verbose);

/*
 * Connect to the system's log, syslog(3): lines go there once nobody reads stderr any more. Call
 * before isolation. 0, or -1: there is none.
 */
int log_open_system(void);

/*
 * Log one event: "event=connect slot=0 pid=12". Never blocks: while the reader of stderr has
 * stopped reading, lines are dropped, and the first line that fits again counts them.
 */
void log_event(const char *format, ...) __attribute__((format(printf, 1, 2)));

/*
 * Between these two calls lines wait, so that those of a moment are one write(2). If the process is
 * killed in between they are lost.
 */
void log_hold(void);
void log_release(void);

/* As log_event(), with -v only. */
void log_detail(const char *format, ...) __attribute__((format(printf, 1, 2)));

/*
 * The lines of the next failures begin with (where), such as "FILE:12: slot", until the next call.
 * NULL: with nothing.
 */
void log_about(const char *where);

/* Say why the server cannot start: "ivsh-server: OBJECT: what is wrong". Answers -1. */
int log_failure(const char *object, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
