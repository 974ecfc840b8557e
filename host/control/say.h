/* SPDX-License-Identifier: MIT */
/*
 * say.h - one line on stderr, and the end of stdout.
 */
#ifndef SAY_H
#define SAY_H

/* "ivsh-server: OBJECT: what". What is unprintable in it is shown as \xNN. Answers (status). */
int say(int status, const char *object, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* See that stdout took everything. Answers (status), or 1 after one line. */
int say_end(int status);

#endif
