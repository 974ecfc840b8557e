/* SPDX-License-Identifier: MIT */
/*
 * log_lines.h - a log on standard output: as bytes, as text for a terminal, or as objects of JSON.
 */
#ifndef PEER_LOG_LINES_H
#define PEER_LOG_LINES_H

#include "text/plain.h"

#include <stdbool.h>
#include <stdint.h>

#define LOG_LINE 8192u /* bytes of a line in one object; a longer one takes several */

enum log_form {
	LOG_BYTES, /* as they are */
	LOG_PLAIN, /* nothing that steers a terminal */
	LOG_JSON,
};

struct log_lines {
	enum log_form form;
	const char *object;         /* what lines on standard error call the place */
	uint32_t slot, incarnation; /* 0: an earlier one than the last, nobody knows which */

	struct plain plain;
	uint64_t position; /* JSON: of the line's first byte */
	uint32_t count;    /* of (line) */
	uint8_t line[LOG_LINE];
};

/* Print (size) bytes that stand at (position). */
void log_lines_put(struct log_lines *lines, uint64_t position, const uint8_t *bytes, uint32_t size);

/* Print the begin of a line that has no end. */
void log_lines_cut(struct log_lines *lines);

/* (bytes) bytes were overwritten before they could be read. */
void log_lines_lost(struct log_lines *lines, uint64_t bytes);

/* What comes now is of incarnation (incarnation) of the slot, whose peer is (name). */
void log_lines_begin(struct log_lines *lines, uint32_t incarnation, const char *name);

/* A line about the log, where (why) ends the sentence "slot N: ". */
void log_lines_say(struct log_lines *lines, const char *why);

#endif
