/* SPDX-License-Identifier: MIT */
/*
 * watch.c - prints which peers come, go and come back, and where messages may have been lost.
 */
#include "app/commands.h"
#include "app/console.h"
#include "app/output.h"
#include "app/report.h"
#include "app/session.h"

#include <inttypes.h>
#include <stdio.h>

static const char *event_text(const struct session *s, const struct ivsh_peer_event *event)
{
	static const char *const down[] = {
	    [IVSH_PEER_ABSENT] = "left",
	    [IVSH_PEER_ATTACHED] = "left",
	    [IVSH_PEER_SILENT] = "is silent",
	    [IVSH_PEER_GONE] = "died",
	    [IVSH_PEER_BROKEN] = "has a broken slot: its words are impossible",
	};

	switch (event->kind) {
	case IVSH_PEER_EVENT_UP:
		return "is here";
	case IVSH_PEER_EVENT_RESTARTED:
		return "was started again";
	case IVSH_PEER_EVENT_LOST:
		return "a ring was reset, messages may be lost";
	case IVSH_PEER_EVENT_BROKEN:
		return "its channel broke too often";
	case IVSH_PEER_EVENT_MOVED:
		return "was moved: migrated, or restored from a snapshot";
	case IVSH_PEER_EVENT_DOWN:
		break;
	}
	return down[s->node->peers[event->slot].presence];
}

static void event_print(struct session *s, const struct ivsh_peer_event *event, const char *what)
{
	static const char *const kinds[] = {
	    [IVSH_PEER_EVENT_UP] = "up",
	    [IVSH_PEER_EVENT_DOWN] = "down",
	    [IVSH_PEER_EVENT_RESTARTED] = "restarted",
	    [IVSH_PEER_EVENT_LOST] = "lost",
	    [IVSH_PEER_EVENT_BROKEN] = "broken",
	    [IVSH_PEER_EVENT_MOVED] = "moved",
	};
	struct json json;

	if (!s->options->json) {
		printf("%s: %s\n", session_who(s, event->slot), what);
		return;
	}
	report_begin(&json, s, "event");
	report_peer(&json, s, event->slot);
	json_text(&json, "event", kinds[event->kind]);
	json_text(&json, "text", what);
	json_end(&json);
}

/*
 * Look at what came, before the node resets what broke: this prints a line. With --console messages
 * are received, as connections need it, and dropped.
 */
static void messages_pass(struct session *s)
{
	struct ivsh_node_message received;
	struct ivsh_message unread;
	uint8_t none[64];

	for (uint32_t i = 0; !s->console && i < s->slots; i++)
		(void)session_peek(s, i, &unread);
	while (s->console && console_receive(s, &received, none, sizeof(none)))
		;
}

/* Print (left) events; 0: for ever. Answers the exit status. */
static int watch_all(struct session *s, uint32_t left)
{
	session_await(s, IVSH_SELF_NONE, "an event");
	s->slice_ns = IVSH_PEER_EVENT_NS;
	while (s->endless || left > 0) {
		struct ivsh_peer_event event;

		/* A reset is an event. */
		messages_pass(s);
		if (ivsh_node_next_event(s->node, &event, 0) == 0) {
			const char *what = event_text(s, &event);
			int status;

			event_print(s, &event, what);
			status = output_flush();
			if (status)
				return status;
			left--;
			if (!session_busy(s))
				return s->status;
			continue;
		}
		if (!session_idle(s))
			return s->status;
	}
	return STATUS_DONE;
}

int watch_run(const struct world *world, const struct options *o)
{
	struct session s;
	int status;

	if (session_open(&s, world, o, 0, 0))
		return s.status;
	s.endless = o->count == 0;
	s.goes_on = s.shows_moves = true;
	report_start(&s, "");
	status = output_flush();
	if (status == STATUS_DONE)
		status = watch_all(&s, o->count);
	session_close(&s);
	return status;
}
