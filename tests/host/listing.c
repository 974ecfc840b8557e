/* SPDX-License-Identifier: MIT */
/*
 * listing.c - the command ls on a memory of a test.
 */
#include "tests/host/listing.h"

#include "app/commands.h"
#include "app/status.h"

#include <stdio.h>
#include <stdlib.h>

static const struct ivsh_mem *listed;

/* A world that has one place: the memory. */
static int probe(struct transport *transport, uint32_t place, const struct options *options)
{
	(void)options;
	if (place > 0)
		return -1;
	*transport = (struct transport){.mem = *listed, .object = "memory"};
	return STATUS_DONE;
}

static void closed(struct transport *transport)
{
	(void)transport;
}

char *listing(const struct ivsh_mem *mem, bool json)
{
	const struct world world = {.name = "test", .probe = probe, .close = closed};
	const struct options options = {.json = json};
	FILE *out = stdout;
	char *text = NULL;
	size_t size;
	int status = STATUS_FAILED;

	listed = mem;
	stdout = open_memstream(&text, &size);
	if (stdout) {
		status = info_run(&world, &options);
		(void)fclose(stdout);
	}
	stdout = out;
	if (status == STATUS_DONE)
		return text;
	free(text);
	return NULL;
}
