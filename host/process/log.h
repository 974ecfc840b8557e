/* SPDX-License-Identifier: MIT */
/*
 * log.h - what the server says: one line an event, key=value, on stderr.
 */
#ifndef LOG_H
#define LOG_H

#include <stdbool.h>

/* Say more, or not. */
void log_open(bool verbose);

/*
 * Connect to the system's log, syslog(3): what is said goes there once nobody reads stderr any more.
 * Before isolation. 0, or -1: there is none.
 */
int log_open_system(void);

/*
 * One event: "event=connect slot=0 pid=12". Never blocks: when whoever reads stderr has stopped
 * reading, lines are dropped, and counted in the first one that fits again.
 */
void log_event(const char *format, ...) __attribute__((format(printf, 1, 2)));

/*
 * Between these two, what is said waits: the lines of a moment are one write(2). A process that is
 * killed in between has not said it.
 */
void log_hold(void);
void log_release(void);

/* As log_event(), with -v only. */
void log_detail(const char *format, ...) __attribute__((format(printf, 1, 2)));

/*
 * Where what the next failures are about comes from, such as "FILE:12: slot": they begin with it,
 * until the next call. NULL: from nowhere in particular.
 */
void log_about(const char *where);

/* Why the server cannot start: "ivsh-server: OBJECT: what is wrong". Answers -1. */
int log_failure(const char *object, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
