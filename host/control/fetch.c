/* SPDX-License-Identifier: MIT */
/*
 * fetch.c - ask, and understand.
 */
#include "fetch.h"
#include "ask.h"
#include "say.h"

#include <stdlib.h>

int fetch_open(struct fetch *fetch, const char *path)
{
	const char *wrong;
	size_t size;

	*fetch = (struct fetch){0};
	if (ask_status(path, &fetch->text, &size))
		return 1;
	wrong = answer_parse(&fetch->answer, fetch->text, size);
	if (!wrong)
		return 0;
	fetch_close(fetch);
	return say(1, path, "%s", wrong);
}

void fetch_close(struct fetch *fetch)
{
	answer_free(&fetch->answer);
	free(fetch->text);
	*fetch = (struct fetch){0};
}
