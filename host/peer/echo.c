/* SPDX-License-Identifier: MIT */
/*
 * echo.c - echo: send back what arrives on the port, in one region or in several.
 */
#include "peer/commands.h"
#include "peer/output.h"
#include "peer/session.h"
#include "peer/stop.h"

#include <inttypes.h>
#include <stdio.h>

/*
 * Answer the next message of (slot) straight from its place in the ring: true. There may be none,
 * or no room for the answer: then the message stays until there is. Other ports' messages are
 * dropped.
 */
static bool echo_one(struct session *s, uint32_t slot)
{
	struct ivsh_chan *chan = &s->chan[slot];
	struct ivsh_message message;
	bool is_ours;
	int error;

	if (!session_peek(s, slot, &message))
		return false;
	is_ours = message.port == s->port;
	error = is_ours ? ivsh_chan_send(chan, message.port, message.data, message.size) : 0;
	if (!error)
		error = ivsh_chan_release(chan);
	if (error == IVSH_EPROTO)
		session_failed(s, slot, error);
	return !error && is_ours;
}

/* What one look at all channels of one session answers: how many messages, (most) of them at most. */
static uint64_t echo_round(struct session *s, uint64_t most)
{
	uint64_t answered = 0;

	for (uint32_t i = 0; i < s->slots && answered < most; i++)
		answered += echo_one(s, i);
	return answered;
}

/* Answer (count) messages of any of (sessions); 0: for ever. 0, or the exit status. */
static int echo_all(struct session *s, uint32_t sessions, uint32_t count, uint64_t *answered)
{
	session_await(s, IVSH_SELF_NONE, "a message on port %u", s->port);
	while (count == 0 || *answered < count) {
		uint64_t before = *answered;

		for (uint32_t i = 0; i < sessions && (count == 0 || *answered < count); i++)
			*answered += echo_round(&s[i], count ? count - *answered : UINT64_MAX);
		/* Being stopped is the only end that there is without a count. */
		if (!(*answered != before ? session_busy(s) : session_idle_all(s, sessions)))
			return count == 0 && stop_signal() ? 0 : s->status;
	}
	return 0;
}

/* Go into one region, and join (first) in its waits. 0, or the exit status after a line. */
static int echo_open(struct session *s, struct session *first)
{
	if (session_open(s, s->options, 0))
		return s->status;
	session_channels(s);
	if (!session_offer(s, "echo")) {
		if (s != first)
			(void)client_group(&first->client, &s->client);
		printf("echo: slot %" PRIu32 " of %" PRIu32 " answers\n", s->region.mem.self,
		    s->slots);
		return 0;
	}
	session_close(s);
	return STATUS_FAILED;
}

int echo_run(const struct options *options)
{
	static struct session s[OPTIONS_SOCKETS];
	static struct options each[OPTIONS_SOCKETS];
	uint32_t wanted = options->socket_count ? options->socket_count : 1, open = 0;
	uint64_t answered = 0;
	int status = 0;

	for (; open < wanted && !status; open += status == 0) {
		each[open] = *options;
		if (options->socket_count)
			each[open].socket = options->sockets[open];
		s[open].options = &each[open];
		status = echo_open(&s[open], &s[0]);
	}
	if (!status)
		status = output_flush();
	if (!status) {
		status = echo_all(s, open, options->count_given ? options->count : 0, &answered);
		printf("echo: answered %" PRIu64 " messages\n", answered);
		for (uint32_t i = 0; i < open; i++)
			session_bells(&s[i], "echo");
	}
	while (open > 0)
		session_close(&s[--open]);
	return status;
}
