/* SPDX-License-Identifier: MIT */
/*
 * report.h - the facts that the control socket is asked for, out of the server's tables. How they
 * are written is control/render.h.
 */
#ifndef REPORT_H
#define REPORT_H

#include <stddef.h>

struct server;

/* The answer to "status": all that there is to say. Allocated; NULL: out of memory. */
char *report_make(const struct server *server, size_t *size);

#endif
