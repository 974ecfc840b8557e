/* SPDX-License-Identifier: MIT */
/*
 * formats.h - an answer as text, JSON and metrics. (path) is the control socket.
 */
#ifndef FORMATS_H
#define FORMATS_H

#include "control/answer.h"

#include <stdio.h>

/* For a reader at a terminal, who knows (path). */
void text_show(FILE *out, const struct answer *answer, const char *path);

/* One JSON object, with one line for each slot. Facts that the answer does not have are null. */
void json_show(FILE *out, const struct answer *answer, const char *path);

/* Prometheus' text exposition format 0.0.4. */
void prometheus_show(FILE *out, const struct answer *answer, const char *path);

/* The same of a server that did not answer: ivsh_up 0. */
void prometheus_show_down(FILE *out, const char *path);

#endif
