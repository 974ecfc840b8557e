/* SPDX-License-Identifier: MIT */
/*
 * text.h - numbers as people read them.
 */
#ifndef TOP_TEXT_H
#define TOP_TEXT_H

#include "top/rates.h"

#include <stddef.h>

/* Bytes that each of these needs at most, the zero included. */
#define TEXT_SIZE 24u

/* In up to 5 characters: "0", "0.5", "999", "1.2k", "57.3M", "1.0e+20" beyond. */
void text_number(char *to, double value);

/* The same; "-" where it is not known, and "~" before an estimate. */
void text_rate(char *to, struct rate rate);

/* "42%", or "?". */
void text_part(char *to, struct rate part);

/* "0.1s", "12s", "5m", "3h", "9d". */
void text_age(char *to, uint64_t ns);

const char *text_presence(enum look_presence presence);
const char *text_server(enum sample_server server);
const char *text_ring(enum observed_state state);

#endif
