/* SPDX-License-Identifier: MIT */
/*
 * reply.c - what a bridge needs of JetStream's answers.
 */
#include "bridge/reply.h"

#include <stdio.h>
#include <string.h>

/* What stands behind "KEY": in the text; NULL: it is not there. *left: the bytes from there on. */
static const char *find(const char *text, size_t size, const char *key, size_t *left)
{
	char quoted[64];
	int length = snprintf(quoted, sizeof(quoted), "\"%s\"", key);
	const char *at = memmem(text, size, quoted, (size_t)length);

	if (!at)
		return NULL;
	at += length;
	*left = size - (size_t)(at - text);
	while (*left > 0 && (*at == ' ' || *at == ':')) {
		at++;
		(*left)--;
	}
	return at[-1] == ':' || at[-1] == ' ' ? at : NULL;
}

bool reply_has(const char *text, size_t size, const char *key)
{
	size_t left;

	return find(text, size, key, &left) != NULL;
}

/* Read digits, up to (left) bytes; false: there are none, or too many. */
static bool number_read(const char *at, size_t left, uint64_t *value, size_t *used)
{
	*value = 0;
	for (*used = 0; *used < left && at[*used] >= '0' && at[*used] <= '9'; (*used)++) {
		uint64_t digit = (uint64_t)(at[*used] - '0');

		if (*value > (UINT64_MAX - digit) / 10)
			return false;
		*value = *value * 10 + digit;
	}
	return *used > 0;
}

bool reply_number(const char *text, size_t size, const char *key, uint64_t *value)
{
	size_t left, used;
	const char *at = find(text, size, key, &left);

	return at && number_read(at, left, value, &used);
}

/* Copy the (length) bytes of a word; false: they are none. */
static bool word_copy(char *word, size_t room, const char *at, size_t length)
{
	if (length == 0 || length >= room)
		return false;
	for (size_t i = 0; i < length; i++)
		if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_",
			at[i]) ||
		    at[i] == '\0')
			return false;
	memcpy(word, at, length);
	word[length] = '\0';
	return true;
}

bool reply_word(const char *text, size_t size, const char *key, char *word, size_t room)
{
	size_t left;
	const char *at = find(text, size, key, &left), *end;

	if (!at || left < 2 || *at != '"')
		return false;
	end = memchr(at + 1, '"', left - 1);
	return end && word_copy(word, room, at + 1, (size_t)(end - at - 1));
}

bool reply_identity(const char *text, size_t size, const char *key, uint64_t *identity)
{
	size_t left;
	const char *at = find(text, size, key, &left), *end;

	if (!at || left < 2 || *at != '"')
		return false;
	end = memchr(at + 1, '"', left - 1);
	if (!end || end == at + 1)
		return false;
	/* FNV-1a, whose two numbers are its authors'. */
	*identity = UINT64_C(0xcbf29ce484222325);
	for (at++; at < end; at++)
		*identity = (*identity ^ (uint8_t)*at) * UINT64_C(0x100000001b3);
	*identity += *identity == 0;
	return true;
}

/* The number that is word (at), and not 0. */
static bool word_number(const char *at, uint64_t *value)
{
	size_t used;

	return number_read(at, strlen(at), value, &used) && at[used] == '.' && *value != 0;
}

bool reply_delivery(
    const char *subject, uint64_t *sequence, uint64_t *place, char *consumer, size_t room)
{
	static const char root[] = "$JS.ACK.";
	const char *word[16];
	size_t count = 0, first;

	if (strncmp(subject, root, sizeof(root) - 1) != 0)
		return false;
	for (const char *at = subject + sizeof(root) - 1; at && count < 16; count++) {
		word[count] = at;
		at = strchr(at, '.');
		if (at)
			at++;
	}
	/* stream, consumer, deliveries, sequence, place, ...; since version 2.x of the form with a
	 * domain and an account before them (NATS, ADR-15). */
	if (count == 7)
		first = 0;
	else if (count >= 9 && count <= 10)
		first = 2;
	else
		return false;
	if (!word_copy(
		consumer, room, word[first + 1], (size_t)(word[first + 2] - word[first + 1] - 1)))
		return false;
	return word_number(word[first + 3], sequence) && word_number(word[first + 4], place);
}
