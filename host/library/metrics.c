/* SPDX-License-Identifier: MIT */
/*
 * metrics.c - metrics by their numbers, which outlast the node.
 */
#include "library/inside.h"

#include <string.h>

int ivsh_host_metric_declare(
    struct ivsh_host *host, const char *name, uint32_t kind, uint32_t *metric)
{
	int error = ivsh_host_enter(host, NULL);

	if (error)
		return error;
	if (kind != IVSH_METRIC_COUNTER && kind != IVSH_METRIC_GAUGE)
		return IVSH_EINVAL;
	if (host->metric_count == IVSH_METRICS)
		return IVSH_ENOSPC;
	error = ivsh_node_metric(
	    host->node, name, (enum ivsh_metric_kind)kind, &host->metrics[host->metric_count]);
	if (!error)
		*metric = host->metric_count++;
	return error;
}

int ivsh_host_metric_add(struct ivsh_host *host, uint32_t metric, uint64_t n)
{
	if (!host_is_owned(host) || metric >= host->metric_count)
		return IVSH_EINVAL;
	ivsh_metric_add(&host->metrics[metric], n);
	return 0;
}

int ivsh_host_metric_set(struct ivsh_host *host, uint32_t metric, int64_t value)
{
	if (!host_is_owned(host) || metric >= host->metric_count)
		return IVSH_EINVAL;
	ivsh_metric_set(&host->metrics[metric], value);
	return 0;
}

int ivsh_host_metric_read(struct ivsh_host *host, uint32_t peer, uint32_t index, char *name,
    uint32_t *kind, uint64_t *value)
{
	struct ivsh_metric_sample sample = {.name = ""};
	int error = ivsh_host_enter(host, NULL);

	if (error)
		return error;
	error = ivsh_metric_read(&host->node->region, peer, index, &sample);
	if (error == IVSH_EINVAL)
		return error;
	if (error)
		memset(&sample, 0, sizeof(sample));
	memcpy(name, sample.name, sizeof(sample.name));
	*kind = (uint32_t)sample.kind;
	*value = sample.value;
	return 0;
}

void ivsh_host_metrics_attach(struct ivsh_host *host)
{
	for (uint32_t i = 0; i < host->metric_count; i++) {
		struct ivsh_metric *metric = &host->metrics[i], kept = *metric;

		/* They are as many and as good names as before; a lost slot shows later. */
		if (ivsh_node_metric(
			host->node, kept.name, (enum ivsh_metric_kind)kept.kind, metric))
			*metric = kept;
		ivsh_metric_set(metric, (int64_t)kept.value);
	}
}

void ivsh_host_metrics_leave(struct ivsh_host *host)
{
	for (uint32_t i = 0; i < host->metric_count; i++)
		host->metrics[i].region = NULL;
}
