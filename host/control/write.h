/* SPDX-License-Identifier: MIT */
/*
 * write.h - text of unknown content, in the ways that its readers can take.
 *
 * Names and paths were given to a server, and command lines are whatever a process wants: none of
 * them may steer a terminal, end a string, or add a line.
 */
#ifndef WRITE_H
#define WRITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* For a terminal: what is not printable ASCII, and the backslash, as \xNN. Answers the width. */
size_t write_plain(FILE *out, const char *text);

/*
 * It is UTF-8, and has nothing in it that steers a terminal: no control, no line or paragraph
 * separator, no format character. The others here escape what of this they can say.
 */
bool write_is_showable(const char *text);

/* A JSON string with its quotes, or null for NULL. What is no UTF-8 becomes U+FFFD. RFC 8259, 7. */
void write_json(FILE *out, const char *text);

/* A label's value with its quotes; NULL is empty. What is no UTF-8, or not showable, becomes U+FFFD.
 * Prometheus, "Exposition formats". */
void write_label(FILE *out, const char *text);

/* A word for a POSIX shell, quoted where it needs to be. Showable: a shell has no escapes. */
void write_shell(FILE *out, const char *text);

/* An attribute's value, without its quotes. XML 1.0, 2.4. What XML cannot say is left out. */
void write_xml(FILE *out, const char *text);

#endif
