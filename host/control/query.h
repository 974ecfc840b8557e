/* SPDX-License-Identifier: MIT */
/*
 * query.h - query a running server for its status, and parse the answer.
 */
#ifndef QUERY_H
#define QUERY_H

#include "control/answer.h"

#include <sys/types.h>

struct query {
	struct answer answer; /* points into (text) */
	char *text;
	uid_t user; /* the socket's owner, who may answer anything */
};

/* Ask at the control socket (path). 0, or -1 after one line and with nothing to close. */
int query_open(struct query *query, const char *path);

/* Free what query_open() allocated. */
void query_close(struct query *query);

#endif
