/* SPDX-License-Identifier: MIT */
/*
 * query.c - query a running server for its status, and parse the answer.
 */
#include "control/query.h"
#include "control/print.h"
#include "control/request.h"

#include <stdlib.h>

/*
 * *wrong: what is wrong with the answer; NULL: nothing, or there is none. 0, or -1 after one line.
 */
static int ask(struct query *query, const char *path, const char **wrong)
{
	size_t size;

	*query = (struct query){0};
	*wrong = NULL;
	if (request_send(path, "status\n", &query->text, &size, &query->user))
		return -1;
	*wrong = answer_parse(&query->answer, query->text, size);
	return 0;
}

int query_open(struct query *query, const char *path)
{
	const char *wrong;

	if (ask(query, path, &wrong))
		return -1;
	if (!wrong)
		return 0;
	/* A server that ends in the midst of its answer has a successor: query that one. */
	query_close(query);
	if (ask(query, path, &wrong))
		return -1;
	if (!wrong)
		return 0;
	query_close(query);
	return print_error(-1, path, "%s", wrong);
}

void query_close(struct query *query)
{
	answer_free(&query->answer);
	free(query->text);
	*query = (struct query){0};
}
