/* SPDX-License-Identifier: MIT */
/*
 * report.h - the figures that ping, bench and their partners end with.
 */
#ifndef APP_REPORT_H
#define APP_REPORT_H

#include "app/session.h"

/* Sort (count) times, at least one, and print " min N p50 N p99 N max N" in microseconds, and the
 * end of the line. */
void report_times(uint64_t *times_ns, uint32_t count);

/*
 * Print one line: how (command) waited since it attached, and the doorbells that it took and saved.
 */
void report_wait(const struct session *session, const char *command);

#endif
