/* SPDX-License-Identifier: MIT */
/*
 * log.c - writing to the own log, and reading any peer's, over the nodes of a host.
 */
#include "library/inside.h"

#include <stdlib.h>

int ivsh_host_log_write(struct ivsh_host *host, const void *data, uint32_t size)
{
	int error = ivsh_host_enter(host, NULL);

	return error ? error : ivsh_node_log(host->node, data, size);
}

/* Begin at the present node, at the oldest byte. */
static int begin(struct ivsh_host_log *log)
{
	struct ivsh_host *host = log->host;
	int error = ivsh_log_reader_open(&log->reader, &host->node->region, log->peer);

	if (error)
		return error;
	log->attaches = host->attaches;
	log->home = host->home;
	return 0;
}

int ivsh_host_log_open(struct ivsh_host *host, struct ivsh_host_log **log, uint32_t peer)
{
	struct ivsh_host_log *l;
	int error = ivsh_host_enter(host, NULL);

	*log = NULL;
	if (error)
		return error;
	l = calloc(1, sizeof(*l));
	if (!l)
		return IVSH_ENOSPC;
	l->host = host;
	l->peer = peer;
	error = begin(l);
	if (error) {
		free(l);
		return error;
	}
	l->next = host->logs;
	host->logs = l;
	*log = l;
	return 0;
}

/* The region was opened again: go on in the same memory; in another one everything is another. */
static int resume(struct ivsh_host_log *log)
{
	struct host_home home = log->home;
	uint64_t next = log->reader.next;
	int error = begin(log);

	if (error)
		return error;
	if (home.format_id != log->home.format_id)
		return IVSH_EPEER;
	log->reader.next = next;
	return 0;
}

int ivsh_host_log_read(struct ivsh_host_log *log, void *data, uint32_t capacity, uint32_t *got,
    uint64_t *lost, uint32_t *incarnation)
{
	struct ivsh_log_reader now;
	uint64_t gone = 0;
	int error = ivsh_host_enter(log->host, NULL);

	*got = 0;
	if (lost)
		*lost = 0;
	if (incarnation)
		*incarnation = 0;
	if (!error && log->attaches != log->host->attaches)
		error = resume(log);
	if (error)
		return error;
	error = ivsh_log_read(&log->reader, data, capacity, got, &gone);
	if (lost)
		*lost = gone;
	if (incarnation && ivsh_log_reader_open(&now, &log->host->node->region, log->peer) == 0)
		*incarnation = now.incarnation;
	return error;
}

void ivsh_host_log_close(struct ivsh_host_log *log)
{
	struct ivsh_host_log **at;

	if (!log)
		return;
	for (at = &log->host->logs; *at != log; at = &(*at)->next)
		;
	*at = log->next;
	free(log);
}

void ivsh_host_logs_close(struct ivsh_host *host)
{
	while (host->logs)
		ivsh_host_log_close(host->logs);
}
