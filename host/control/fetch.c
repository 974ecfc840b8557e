/* SPDX-License-Identifier: MIT */
/*
 * fetch.c - ask, and understand.
 */
#include "control/fetch.h"
#include "control/ask.h"
#include "control/say.h"

#include <stdlib.h>

static const char *fetch_once(struct fetch *fetch, const char *path, int *status)
{
	size_t size;

	*fetch = (struct fetch){0};
	*status = ask_status(path, &fetch->text, &size, &fetch->user);
	return *status ? NULL : answer_parse(&fetch->answer, fetch->text, size);
}

int fetch_open(struct fetch *fetch, const char *path)
{
	int status;
	const char *wrong = fetch_once(fetch, path, &status);

	/* A server that ends in the midst of its answer has a successor. */
	if (wrong) {
		fetch_close(fetch);
		wrong = fetch_once(fetch, path, &status);
	}
	if (!wrong)
		return status;
	fetch_close(fetch);
	return say(1, path, "%s", wrong);
}

void fetch_close(struct fetch *fetch)
{
	answer_free(&fetch->answer);
	free(fetch->text);
	*fetch = (struct fetch){0};
}
