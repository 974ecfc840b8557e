/* SPDX-License-Identifier: MIT */
/*
 * echo.c - echo: send back what arrives on the port, in one region or in several.
 */
#include "app/commands.h"
#include "app/console.h"
#include "app/output.h"
#include "app/report.h"
#include "app/session.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	MESSAGES,
	BYTES
};

static const struct session_metric metrics[] = {
    [MESSAGES] = {"echo_messages", IVSH_METRIC_COUNTER},
    [BYTES] = {"echo_bytes", IVSH_METRIC_COUNTER},
    {NULL, IVSH_METRIC_COUNTER},
};

static void count_one(struct session *s, uint32_t size)
{
	ivsh_metric_add(&s->metric[MESSAGES], 1);
	ivsh_metric_add(&s->metric[BYTES], size);
}

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
	if (error || !is_ours)
		return false;
	count_one(s, message.size);
	return true;
}

/*
 * With --console the node receives, as connections need it: the next message is copied, and its
 * answer waits for room. 1: answered; 0: there was none of ours; -1: over, with its status set.
 */
static int echo_copied(struct session *s)
{
	static uint8_t *buffer;
	static uint32_t room;
	struct ivsh_node_message message;
	int sent;

	if (!s->console)
		return 0;
	if (room < s->max) {
		free(buffer);
		buffer = malloc(s->max);
		room = buffer ? s->max : 0;
	}
	if (!buffer) {
		fprintf(stderr, "ivsh: echo: no memory for %" PRIu32 " bytes\n", s->max);
		s->status = STATUS_FAILED;
		return -1;
	}
	if (!console_receive(s, &message, buffer, room) || message.port != s->port ||
	    message.request != 0)
		return 0;
	sent = session_send(s, message.peer, s->port, buffer, message.size);
	if (sent)
		return sent == SESSION_ANEW ? 0 : -1;
	count_one(s, message.size);
	return 1;
}

/* echo_all() with --console: in one session. */
static int echo_console(struct session *s, uint32_t count, uint64_t *answered)
{
	session_await(s, IVSH_SELF_NONE, "a message on port %u", s->port);
	while (count == 0 || *answered < count) {
		int got = echo_copied(s);

		if (got < 0)
			return s->status;
		*answered += (uint64_t)got;
		if (!(got ? session_busy(s) : session_idle(s)))
			return s->status;
	}
	return STATUS_DONE;
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
	session_metrics(own, metrics);
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

	if (places > 1 && o->console) {
		fprintf(stderr, "ivsh: echo: --console: in one region only\n");
		return STATUS_USAGE;
	}
	while (open < places && echo_open(s, open, world, o) == 0)
		open++;
	status = open < places ? s[open].status : output_flush();
	if (status == STATUS_DONE) {
		status = o->console ? echo_console(s, o->count, &answered)
				    : echo_all(s, open, o->count, &answered);
		answered_print(s, answered);
		for (uint32_t i = 0; i < open; i++)
			report_wait(&s[i]);
	}
	while (open > 0)
		session_close(&s[--open]);
	return status;
}
