/* SPDX-License-Identifier: MIT */
/*
 * watch.c - prints who comes, goes and comes back, and where messages may have been lost.
 */
#include "app/commands.h"
#include "app/session.h"

#include <inttypes.h>
#include <stdio.h>

static const char *news_text(const struct session *s, const struct ivsh_peer_event *news)
{
	switch (news->kind) {
	case IVSH_PEER_EVENT_UP:
		return "is here";
	case IVSH_PEER_EVENT_RESTARTED:
		return "was started again";
	case IVSH_PEER_EVENT_LOST:
		return "a ring was reset, messages may be lost";
	default:
		break;
	}
	switch (s->peer[news->slot].presence) {
	case IVSH_PEER_GONE:
		return "died";
	case IVSH_PEER_SILENT:
		return "is silent";
	default:
		return "left";
	}
}

int watch_run(const struct app_world *world, const struct options *o)
{
	uint32_t told = 0;
	bool ok = true;
	struct session s;

	if (!session_open(&s, world, o))
		return s.status;
	printf("watch: slot %" PRIu32 " of %" PRIu32 "\n", s.region.mem.self, s.slots);
	while (ok && !(o->count_given && told >= o->count)) {
		struct ivsh_peer_event news;

		if (ivsh_region_peer_event(&s.region, s.peer, s.slots, &news) == 0) {
			const char *what = news_text(&s, &news);

			printf("%s: %s\n", session_who(&s, news.slot), what);
			told++;
		} else {
			/* This is news, too: the other side sees a reset. */
			for (uint32_t i = 0; i < s.slots; i++)
				session_mend(&s, i);
			ok = session_idle(&s);
		}
	}
	session_close(&s);
	return ok ? STATUS_DONE : s.status;
}
