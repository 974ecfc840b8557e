/* SPDX-License-Identifier: MIT */
/*
 * print.h - records on standard output: a line "type key=value key=value", or an object of JSON.
 *
 * What cannot be known is "?", or null.
 */
#ifndef OBSERVE_PRINT_H
#define OBSERVE_PRINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* From now on (yes): objects of JSON. */
void print_json(bool yes);

/* Begin and end a line. */
void print_open(const char *type);
void print_close(void);

void print_number(const char *key, uint64_t value);
void print_hex(const char *key, uint64_t value); /* text in JSON: its numbers are decimal */
void print_text(const char *key, const char *value);
void print_name(const char *key, const uint8_t *bytes, size_t size); /* up to its zero, cleaned */
void print_bytes(const char *key, const uint8_t *bytes, size_t size);
void print_unknown(const char *key);

/* A number, or that it is not known. */
void print_maybe(const char *key, bool is_known, uint64_t value);

#endif
