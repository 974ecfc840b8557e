/* SPDX-License-Identifier: MIT */
/*
 * escape.h - text of any bytes, escaped for each kind of reader.
 *
 * Names and paths come from the server's configuration, and a process chooses its command line
 * itself. None of them may steer a terminal, end a string early, or add a line.
 */
#ifndef ESCAPE_H
#define ESCAPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* For a terminal: a backslash, and what is not printable ASCII, becomes \xNN. Returns the width. */
size_t escape_plain(FILE *out, const char *text);

/*
 * Whether (text) is UTF-8 without anything that steers a terminal: no control, no line or paragraph
 * separator, no format character.
 */
bool escape_is_showable(const char *text);

/*
 * A JSON string with its quotes, or null for NULL. Bytes that are not UTF-8 become U+FFFD. RFC
 * 8259, 7.
 */
void escape_json(FILE *out, const char *text);

/*
 * A label's value with its quotes; NULL is empty. Bytes that are not UTF-8, and characters that
 * cannot be shown, become U+FFFD. Prometheus, "Exposition formats".
 */
void escape_label(FILE *out, const char *text);

/*
 * A word for a POSIX shell, in quotes if it needs them. The text is showable: there are no escapes.
 */
void escape_shell(FILE *out, const char *text);

/* An attribute's value, without its quotes. What XML cannot express is left out. XML 1.0, 2.4. */
void escape_xml(FILE *out, const char *text);

#endif
