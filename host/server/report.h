/* SPDX-License-Identifier: MIT */
/*
 * report.h - what the control socket answers: lines of key=value. ivsh-server(8), "Control socket".
 */
#ifndef REPORT_H
#define REPORT_H

#include <stddef.h>

struct server;

/* Everything there is to say. Allocated; NULL: out of memory. */
char *report_make(const struct server *server, size_t *size);

/* The answer to what is no request. Allocated; NULL: out of memory. */
char *report_unknown(size_t *size);

#endif
