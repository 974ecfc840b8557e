/* SPDX-License-Identifier: MIT */
/*
 * subject.c - the subjects of NATS that a bridge publishes and subscribes to.
 */
#include "bridge/subject.h"

#include <stdio.h>
#include <string.h>

#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"
#define KEPT "kept"
#define STATE "state"

bool subject_is_name(const char *text)
{
	size_t length = strspn(text, LETTERS);

	return length > 0 && length < SUBJECT_NAME && text[length] == '\0';
}

static void make(
    char out[SUBJECT_SIZE], const struct subject_pair *pair, const char *port, const char *behind)
{
	snprintf(out, SUBJECT_SIZE, "ivsh.%s.%s.%s.%s.%s.%s%s", pair->region, pair->host,
	    pair->peer, port, pair->to_host, pair->to_peer, behind);
}

void subject_make(
    char out[SUBJECT_SIZE], const struct subject_pair *pair, enum subject_kind kind, uint16_t port)
{
	char text[8];

	snprintf(text, sizeof(text), "%u", port);
	make(out, pair, kind == SUBJECT_STATE ? STATE : text, kind == SUBJECT_KEPT ? "." KEPT : "");
}

void subject_pattern(
    char out[SUBJECT_SIZE], const struct subject_pair *pair, enum subject_kind kind)
{
	make(out, pair, "*", kind == SUBJECT_KEPT ? "." KEPT : "");
}

/* Take the next word of *at, up to a dot or the end, into (word). False: there is no such name. */
static bool word_take(const char **at, char word[SUBJECT_NAME])
{
	size_t length = strspn(*at, LETTERS);

	if (length == 0 || length >= SUBJECT_NAME || ((*at)[length] && (*at)[length] != '.'))
		return false;
	memcpy(word, *at, length);
	word[length] = '\0';
	*at += length;
	if (**at == '.')
		(*at)++;
	return true;
}

static bool port_read(const char *word, uint16_t *port)
{
	uint32_t value = 0;

	if (*word == '\0' || (*word == '0' && word[1] != '\0') || strlen(word) > 5)
		return false;
	for (; *word; word++) {
		if (*word < '0' || *word > '9')
			return false;
		value = value * 10 + (uint32_t)(*word - '0');
	}
	*port = (uint16_t)value;
	return value <= UINT16_MAX;
}

bool subject_read(
    const char *subject, struct subject_pair *pair, enum subject_kind *kind, uint16_t *port)
{
	char root[SUBJECT_NAME], label[SUBJECT_NAME], behind[SUBJECT_NAME];
	size_t length = strnlen(subject, SUBJECT_SIZE);
	const char *at = subject;

	/* A dot at the end would be an empty word. */
	if (length == SUBJECT_SIZE || length == 0 || subject[length - 1] == '.')
		return false;
	if (!word_take(&at, root) || strcmp(root, "ivsh") != 0 || !word_take(&at, pair->region) ||
	    !word_take(&at, pair->host) || !word_take(&at, pair->peer) || !word_take(&at, label) ||
	    !word_take(&at, pair->to_host) || !word_take(&at, pair->to_peer))
		return false;
	*kind = SUBJECT_MESSAGE;
	*port = 0;
	if (*at) {
		if (!word_take(&at, behind) || *at || strcmp(behind, KEPT) != 0)
			return false;
		*kind = SUBJECT_KEPT;
	}
	if (*kind == SUBJECT_MESSAGE && strcmp(label, STATE) == 0) {
		*kind = SUBJECT_STATE;
		return true;
	}
	return port_read(label, port);
}

bool subject_is_same(const struct subject_pair *a, const struct subject_pair *b)
{
	return strcmp(a->region, b->region) == 0 && strcmp(a->host, b->host) == 0 &&
	       strcmp(a->peer, b->peer) == 0 && strcmp(a->to_host, b->to_host) == 0 &&
	       strcmp(a->to_peer, b->to_peer) == 0;
}
