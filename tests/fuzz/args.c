/* SPDX-License-Identifier: MIT */
/*
 * args.c - a bare-metal guest's command line, cut into words.
 */
#include "tests/fuzz/feed.h"

#include "bare/newlib/bare.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t room, length;
	int count, found;
	char *line, *buffer;
	char **words;

	feed_set(data, size);
	room = feed_byte() & 1 ? 4096 : feed_byte();
	count = feed_byte() & 1 ? BARE_WORDS : feed_byte();
	/* Each alone in a block of its own: one byte too far is a fault. */
	line = malloc(size + 1);
	buffer = malloc(room + 1);
	words = malloc(((size_t)count + 1) * sizeof(*words));
	FUZZ_MUST(line && buffer && words);
	length = feed_bytes(line, size);
	line[length] = 0;
	line = realloc(line, strlen(line) + 1);
	buffer = realloc(buffer, room ? room : 1);
	words = realloc(words, count ? (size_t)count * sizeof(*words) : 1);
	FUZZ_MUST(line && buffer && words);
	found = bare_args_split(line, buffer, room, words, count);
	FUZZ_MUST(found >= BARE_ARGS_TOO_LONG && found <= count);
	for (int i = 0; i < found; i++)
		FUZZ_MUST(
		    words[i] >= buffer && (size_t)(words[i] - buffer) + strlen(words[i]) < room);
	free(line);
	free(buffer);
	free(words);
	return 0;
}
