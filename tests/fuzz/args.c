/* SPDX-License-Identifier: MIT */
/*
 * args.c - a bare-metal guest's command line, split into words.
 */
#include "tests/fuzz/feed.h"

#include "bare/words.h"

#include <stdlib.h>
#include <string.h>

/* The words, of which (count) were found, are in (buffer) of (room) bytes. */
static void check(int error, char **words, int count, int max, const char *buffer, size_t room)
{
	FUZZ_MUST(error <= 0 && error >= BARE_WORDS_TOO_LONG && count >= 0 && count <= max);
	FUZZ_MUST(error != BARE_WORDS_TOO_MANY || count == max);
	for (int i = 0; i < count; i++)
		FUZZ_MUST(
		    words[i] >= buffer && (size_t)(words[i] - buffer) + strlen(words[i]) < room);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t room, length;
	int max, count, error;
	char *line, *buffer;
	char **words;

	feed_set(data, size);
	room = feed_byte() & 1 ? 4096 : feed_byte();
	max = feed_byte() & 1 ? BARE_WORDS : feed_byte();
	/* Each alone in a block of its own: one byte too far is a fault. */
	line = malloc(size + 1);
	buffer = malloc(room + 1);
	words = malloc(((size_t)max + 1) * sizeof(*words));
	FUZZ_MUST(line && buffer && words);
	length = feed_bytes(line, size);
	line[length] = 0;
	length = strlen(line) + 1;
	line = realloc(line, length);
	buffer = realloc(buffer, room ? room : 1);
	words = realloc(words, max ? (size_t)max * sizeof(*words) : 1);
	FUZZ_MUST(line && buffer && words);
	count = max;
	error = bare_words_split(line, buffer, room, words, &count);
	check(error, words, count, max, buffer, room);
	/* In place, where there is always room. */
	count = max;
	error = bare_words_split(line, line, length, words, &count);
	FUZZ_MUST(error != BARE_WORDS_TOO_LONG);
	check(error, words, count, max, line, length);
	free(line);
	free(buffer);
	free(words);
	return 0;
}
