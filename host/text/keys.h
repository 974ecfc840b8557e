/* SPDX-License-Identifier: MIT */
/*
 * keys.h - files of "KEY = VALUE" lines: the server's configuration, and a geometry.
 *
 * A value goes to the end of its line, without the spaces around it, and nothing in it is special.
 * A line that begins with # is a comment. Lines end with a newline, before which carriage returns
 * may be; no other control character but the tabulator is taken.
 */
#ifndef KEYS_H
#define KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct keys {
	uint32_t line;  /* the one that keys_next() has read last, from 1 */
	char *key;      /* "" where the line begins with = */
	char *value;    /* NULL: there is no = */
	char wrong[80]; /* what is wrong with the line */
	char *next;     /* the rest of the text; NULL: none */
};

/*
 * Read all of the file (fd) from its beginning, but of more than (most) bytes only one more: it
 * never blocks, since only a regular file is read.
 *
 * The text with a NUL behind it, for free(), and its size; or NULL, and in *wrong what is wrong.
 */
char *keys_read(int fd, size_t most, size_t *size, const char **wrong);

/*
 * Begin with (size) bytes at (text), behind which is a NUL. The words found stand in (text), and
 * its bytes are changed. 0, or -1 with (line) and (wrong): it is no text.
 */
int keys_open(struct keys *keys, char *text, size_t size);

/* The next line with a key: 1; 0: there is none; or -1, with (line) and (wrong). */
int keys_next(struct keys *keys);

/* Whether (key) can be shown in a line about it: a word, and not a long one. */
bool keys_is_word(const char *key);

#endif
