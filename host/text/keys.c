/* SPDX-License-Identifier: MIT */
/*
 * keys.c - files of "KEY = VALUE" lines.
 */
#include "text/keys.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define KEYS_MARK "\xef\xbb\xbf" /* a byte order mark: what some editors begin a file with */

/* Append what (fd) has at *size, up to (most) bytes. False with errno. */
static bool read_all(int fd, char *text, size_t most, size_t *size)
{
	while (*size < most) {
		ssize_t got = pread(fd, text + *size, most - *size, (off_t)*size);

		if (got == 0)
			break;
		if (got > 0)
			*size += (size_t)got;
		else if (errno != EINTR)
			return false;
	}
	return true;
}

char *keys_read(int fd, size_t most, size_t *size, const char **wrong)
{
	struct stat st;
	char *text;

	*size = 0;
	*wrong = "not a regular file";
	if (fstat(fd, &st) || !S_ISREG(st.st_mode))
		return NULL;
	text = malloc(most + 2);
	if (text && read_all(fd, text, most + 1, size)) {
		text[*size] = '\0';
		return text;
	}
	*wrong = strerror(errno);
	free(text);
	return NULL;
}

static int refuse(struct keys *keys, const char *what)
{
	snprintf(keys->wrong, sizeof(keys->wrong), "%s", what);
	return -1;
}

int keys_open(struct keys *keys, char *text, size_t size)
{
	const char *nul = memchr(text, '\0', size);

	*keys = (struct keys){.next = text};
	if (nul) {
		keys->line = 1;
		for (const char *c = text; c < nul; c++)
			keys->line += *c == '\n';
		return refuse(keys, "a NUL byte: this is no text");
	}
	if (!strncmp(text, KEYS_MARK, strlen(KEYS_MARK)))
		keys->next += strlen(KEYS_MARK);
	return 0;
}

/*
 * Refuse a control character in the midst of (line). A carriage return is one: in a file whose
 * lines end with nothing else, many settings would be read as one, or as one comment.
 */
static int check_characters(struct keys *keys, const char *line)
{
	size_t size = strlen(line);

	while (size > 0 && line[size - 1] == '\r')
		size--;
	for (size_t i = 0; i < size; i++) {
		unsigned char c = (unsigned char)line[i];

		if ((c >= 0x20 && c != 0x7f) || c == '\t')
			continue;
		if (c == '\r')
			return refuse(
			    keys, "a carriage return in the midst: end lines with a newline");
		snprintf(keys->wrong, sizeof(keys->wrong),
		    "not a setting and no comment: there is a control character, 0x%02x", c);
		return -1;
	}
	return 0;
}

/* The white space around the words of a line. A file from Windows ends its lines with \r, too. */
static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

/* Cut the space off both ends of the string at (text). */
static char *trim(char *text)
{
	char *end;

	while (is_space(*text))
		text++;
	end = text + strlen(text);
	while (end > text && is_space(end[-1]))
		end--;
	*end = '\0';
	return text;
}

int keys_next(struct keys *keys)
{
	while (keys->next) {
		char *line = keys->next, *end = strchr(line, '\n'), *equals;

		keys->line++;
		keys->next = end ? end + 1 : NULL;
		if (end)
			*end = '\0';
		if (check_characters(keys, line))
			return -1;
		keys->key = trim(line);
		keys->value = NULL;
		if (*keys->key == '\0' || *keys->key == '#')
			continue;
		equals = strchr(keys->key, '=');
		if (equals) {
			*equals = '\0';
			keys->value = trim(equals + 1);
			trim(keys->key);
		}
		return 1;
	}
	return 0;
}

bool keys_is_word(const char *key)
{
	size_t length =
	    strspn(key, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_");

	return length > 0 && length <= 32 && key[length] == '\0';
}
