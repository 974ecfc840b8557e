/* SPDX-License-Identifier: MIT */
/*
 * show.h - an answer in the ways that it is asked for. (path) is the control socket's.
 */
#ifndef SHOW_H
#define SHOW_H

#include "control/answer.h"

#include <stdio.h>

/* For a reader at a terminal. */
void text_show(FILE *out, const struct answer *answer, const char *path);

/* One object, in one line per slot. What is not known is null. */
void json_show(FILE *out, const struct answer *answer, const char *path);

/* Text exposition format 0.0.4. */
void prometheus_show(FILE *out, const struct answer *answer, const char *path);

/* The same of a server that did not answer: ivsh_up 0. */
void prometheus_show_down(FILE *out, const char *path);

#endif
