/* SPDX-License-Identifier: MIT */
/*
 * report.h - the facts that the control socket is asked for, out of the server's tables. How they
 * are written is control/render.h.
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
