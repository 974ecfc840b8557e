/* SPDX-License-Identifier: MIT */
/*
 * echo.c - echo: send back what arrives on the port.
 */
#include "commands.h"
#include "output.h"
#include "session.h"
#include "stop.h"

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

/* Answer (count) messages; 0: for ever. 0, or the exit status. */
static int echo_all(struct session *s, uint32_t count, uint64_t *answered)
{
	session_await(s, IVSH_SELF_NONE, "a message on port %u", s->port);
	while (count == 0 || *answered < count) {
		bool found = false;

		for (uint32_t i = 0; i < s->slots && (count == 0 || *answered < count); i++)
			if (echo_one(s, i)) {
				found = true;
				++*answered;
			}
		/* Being stopped is the only end that there is without a count. */
		if (!(found ? session_busy(s) : session_idle(s)))
			return count == 0 && stop_signal() ? 0 : s->status;
	}
	return 0;
}

int echo_run(const struct options *options)
{
	struct session s;
	uint64_t answered = 0;
	int status;

	if (session_open(&s, options, 0))
		return s.status;
	session_channels(&s);
	if (session_offer(&s, "echo")) {
		session_close(&s);
		return STATUS_FAILED;
	}
	printf("echo: slot %" PRIu32 " of %" PRIu32 " answers\n", s.region.mem.self, s.slots);
	status = output_flush();
	if (!status) {
		status = echo_all(&s, options->count_given ? options->count : 0, &answered);
		printf("echo: answered %" PRIu64 " messages\n", answered);
		session_bells(&s, "echo");
	}
	session_close(&s);
	return status;
}
