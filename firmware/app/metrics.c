/* SPDX-License-Identifier: MIT */
/*
 * metrics.c - what a command counts, shown in its slot.
 */
#include "app/stay.h"

/* A slot that is lost, or has no entry left, shows less, and the command goes on. */
void session_metrics_enter(struct session *s)
{
	const struct session_metric *row = s->metrics;

	for (uint32_t i = 0; row && row->name && i < SESSION_METRICS; row++, i++)
		if (ivsh_metric_declare(&s->node->region, row->name, row->kind, &s->metric[i]))
			s->metric[i].region = NULL;
}

void session_metrics_leave(struct session *s)
{
	/* Adding to one does nothing from here on: the region is gone. */
	for (uint32_t i = 0; i < SESSION_METRICS; i++)
		s->metric[i].region = NULL;
}

void session_metrics(struct session *s, const struct session_metric *rows)
{
	s->metrics = rows;
	session_metrics_enter(s);
}
