/* SPDX-License-Identifier: MIT */
/*
 * options.c - the memory that options live in.
 */
#include "config/options.h"

#include <stdlib.h>
#include <string.h>

/* Memory that exists as long as the options. */
struct options_block {
	struct options_block *next;
	char text[];
};

char *options_keep(struct options *options, const char *text, size_t size)
{
	struct options_block *block = malloc(sizeof(*block) + size + 1);

	if (!block)
		return NULL;
	if (size)
		memcpy(block->text, text, size);
	block->text[size] = '\0';
	block->next = options->blocks;
	options->blocks = block;
	return block->text;
}

void options_free(struct options *options)
{
	while (options->blocks) {
		struct options_block *block = options->blocks;

		options->blocks = block->next;
		free(block);
	}
	free(options->bound);
	free(options->allow);
	memset(options, 0, sizeof(*options));
}
