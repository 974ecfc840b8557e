/* SPDX-License-Identifier: MIT */
/*
 * print.h - one line on stderr, and the end of stdout.
 */
#ifndef PRINT_H
#define PRINT_H

/* Print "ivsh-server: OBJECT: what"; bytes that are not printable as \xNN. Returns (status). */
int print_error(int status, const char *object, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The same for what is no error. */
void print_note(const char *object, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Write out what stdout holds. Returns (status); or 1 after one line, if that failed. */
int print_flush(int status);

#endif
