/* SPDX-License-Identifier: MIT */
/*
 * metric.c - a node's counters and gauges.
 */
#include "node/inside.h"

#include <ivsh/metrics.h>

int ivsh_node_metric(struct ivsh_node *node, const char *name, enum ivsh_metric_kind kind,
    struct ivsh_metric *metric)
{
	return ivsh_metric_declare(&node->region, name, kind, metric);
}
