/* SPDX-License-Identifier: MIT */
/*
 * render.h - an answer as the text that the server sends. ivsh-server(8), "CONTROL PROTOCOL".
 */
#ifndef RENDER_H
#define RENDER_H

#include "control/facts.h"

#include <stddef.h>

/* The text of (answer), which answer_parse() reads. Allocated; NULL: out of memory. */
char *render_answer(const struct answer *answer, size_t *size);

/* The text for a request that the server does not know. Allocated; NULL: out of memory. */
char *render_unknown(size_t *size);

#endif
