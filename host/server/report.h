/* SPDX-License-Identifier: MIT */
/*
 * report.h - the facts that clients of the control socket query, out of the server's tables.
 * control/render.h writes them.
 */
#ifndef REPORT_H
#define REPORT_H

#include <stddef.h>

/*
 * The answer to "status", of the struct server (context): control->report. Allocated; NULL: out of
 * memory.
 */
char *report_make(void *context, size_t *size);

#endif
