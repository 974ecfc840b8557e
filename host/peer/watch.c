/* SPDX-License-Identifier: MIT */
/*
 * watch.c - watch: who comes, goes and comes back.
 */
#include "peer/commands.h"
#include "peer/output.h"
#include "peer/session.h"
#include "peer/stop.h"

#include <inttypes.h>
#include <stdio.h>

static const char *watch_text(const struct session *s, const struct ivsh_peer_event *news)
{
	static const char *const down[] = {
	    [IVSH_PEER_ABSENT] = "left",
	    [IVSH_PEER_SILENT] = "is silent",
	    [IVSH_PEER_GONE] = "died",
	};

	switch (news->kind) {
	case IVSH_PEER_EVENT_UP:
		return "is here";
	case IVSH_PEER_EVENT_RESTARTED:
		return "was started again";
	case IVSH_PEER_EVENT_LOST:
		return "a ring was reset, messages may be lost";
	case IVSH_PEER_EVENT_DOWN:
		break;
	}
	return down[s->peer[news->slot].presence];
}

/* Print (left) lines; 0: for ever. 0, or the exit status. */
static int watch_all(struct session *s, uint32_t left)
{
	bool for_ever = left == 0;

	session_await(s, IVSH_SELF_NONE, "news");
	while (for_ever || left > 0) {
		struct ivsh_peer_event news;
		const char *what;
		int status;

		if (ivsh_region_peer_event(&s->region, s->peer, s->slots, &news)) {
			/* Being stopped is the only end that there is without a count. */
			if (!session_idle(s))
				return for_ever && stop_signal() ? 0 : s->status;
			continue;
		}
		what = watch_text(s, &news);
		printf("%s: %s\n", session_who(s, news.slot), what);
		status = output_flush();
		if (status)
			return status;
		left -= for_ever ? 0 : 1;
		if (!session_busy(s))
			return for_ever ? 0 : s->status;
	}
	return 0;
}

int watch_run(const struct options *options)
{
	struct session s;
	int status;

	if (session_open(&s, options, 0))
		return s.status;
	status = watch_all(&s, options->count_given ? options->count : 0);
	session_close(&s);
	return status;
}
