/* SPDX-License-Identifier: MIT */
/*
 * echo.c - echo: send back what arrives on the port, in one region or in several.
 */
#include "app/commands.h"
#include "app/output.h"
#include "app/report.h"
#include "app/session.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/*
 * Copy a peeked message into the ring of the answers, and publish it. Behind the copy a second look
 * finds whether the message is still there: what was migrated or rolled back meanwhile is not sent
 * on. Errors as ivsh_chan_send().
 */
static int answer(struct ivsh_chan *chan, const struct ivsh_message *message)
{
	struct ivsh_message again;
	void *payload;
	int error = ivsh_chan_reserve(chan, message->size, &payload);

	if (error)
		return error;
	if (message->size != 0)
		memcpy(payload, message->data, message->size);
	error = ivsh_chan_peek(chan, &again);
	if (!error)
		error = ivsh_chan_publish(chan, message->port);
	if (error)
		ivsh_chan_abandon(chan);
	return error;
}

/*
 * Answer the next message of (slot) straight from the ring: true. There may be none, or no room for
 * the answer: then the message stays until there is. Other ports' messages are dropped.
 */
static bool echo_one(struct session *s, uint32_t slot)
{
	struct ivsh_chan *chan = session_chan(s, slot);
	struct ivsh_message message;
	bool is_ours;
	int error;

	if (!session_peek(s, slot, &message))
		return false;
	is_ours = message.port == s->port;
	error = is_ours ? answer(chan, &message) : 0;
	if (!error)
		error = ivsh_chan_release(chan);
	return !error && is_ours;
}

/* Answer (count) messages in any of (sessions); 0: for ever. Answers the exit status. */
static int echo_all(struct session *s, uint32_t sessions, uint32_t count, uint64_t *answered)
{
	session_await(s, IVSH_SELF_NONE, "a message on port %u", s->port);
	while (count == 0 || *answered < count) {
		uint64_t before = *answered;

		for (uint32_t i = 0; i < sessions; i++)
			for (uint32_t slot = 0; slot < s[i].slots; slot++)
				if (count == 0 || *answered < count)
					*answered += echo_one(&s[i], slot);
		if (!(*answered != before ? session_busy_all(s, sessions)
					  : session_idle_all(s, sessions)))
			return s->status;
	}
	return STATUS_DONE;
}

/* Go into region (place), and join the first one in its waits. 0, or -1 with its status set. */
static int echo_open(
    struct session *s, uint32_t place, const struct world *world, const struct options *o)
{
	struct session *own = &s[place];

	if (session_open(own, world, o, place, 0))
		return -1;
	own->endless = o->count == 0;
	own->goes_on = true;
	own->status = STATUS_FAILED;
	if (session_offer(own, "echo")) {
		session_close(own);
		return -1;
	}
	if (place != 0 && world->join)
		world->join(&s[0].transport, &own->transport);
	report_start(own, "answers");
	return 0;
}

static void answered_print(const struct session *s, uint64_t messages)
{
	struct json json;

	if (s->options->json) {
		report_begin(&json, s, "answered");
		json_u64(&json, "messages", messages);
		json_end(&json);
	} else {
		printf("echo: answered %" PRIu64 " messages\n", messages);
	}
}

int echo_run(const struct world *world, const struct options *o)
{
	static struct session s[WORLD_PLACES];
	uint32_t places = world->places(), open = 0;
	uint64_t answered = 0;
	int status;

	while (open < places && echo_open(s, open, world, o) == 0)
		open++;
	status = open < places ? s[open].status : output_flush();
	if (status == STATUS_DONE) {
		status = echo_all(s, open, o->count, &answered);
		answered_print(s, answered);
		for (uint32_t i = 0; i < open; i++)
			report_wait(&s[i]);
	}
	while (open > 0)
		session_close(&s[--open]);
	return status;
}
