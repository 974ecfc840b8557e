/* SPDX-License-Identifier: MIT */
/*
 * text.c - send and recv: messages for people.
 */
#include "app/commands.h"
#include "app/session.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define TEXT_MAX 1024

/* Send one message, waiting for room. Answers the exit status. */
static int text_send(struct session *s, uint32_t peer, const char *text)
{
	for (;;) {
		int error = ivsh_chan_send(&s->chan[peer], s->port, text, (uint32_t)strlen(text));

		if (!error)
			return STATUS_DONE;
		if (error != IVSH_EAGAIN) {
			session_channel_failed(s, peer, error);
			return s->status;
		}
		if (!session_full(s))
			return s->status;
	}
}

int send_run(const struct app_world *world, const struct options *o)
{
	static char text[TEXT_MAX];
	struct session s;
	size_t used = 0;
	int peer, status;

	for (unsigned i = 2; i < o->words; i++) {
		int more = snprintf(
		    text + used, sizeof(text) - used, "%s%s", i > 2 ? " " : "", o->word[i]);

		used += (size_t)more;
		if (used >= sizeof(text)) {
			fprintf(stderr, "ivsh: send: a text of more than %d bytes\n", TEXT_MAX - 1);
			return STATUS_USAGE;
		}
	}
	if (!session_open(&s, world, o))
		return s.status;
	peer = session_find_peer(&s, o->word[1]);
	status = peer >= 0 ? text_send(&s, (uint32_t)peer, text) : s.status;
	if (status == STATUS_DONE)
		printf(
		    "sent %lu bytes to %s\n", (unsigned long)used, session_who(&s, (uint32_t)peer));
	session_close(&s);
	return status;
}

/* A stranger's bytes go to a terminal: what is not printable ASCII becomes a dot. */
static void text_print(struct session *s, uint32_t from, const struct ivsh_message *message)
{
	const uint8_t *bytes = message->data;

	printf("%s, port %u%s: ", session_who(s, from), message->port,
	    message->flags & IVSH_MAYBE_SEEN ? ", maybe seen" : "");
	for (uint32_t i = 0; i < message->size; i++)
		putchar(bytes[i] >= 0x20 && bytes[i] < 0x7f ? bytes[i] : '.');
	printf("\n");
}

int recv_run(const struct app_world *world, const struct options *o)
{
	static uint8_t buffer[TEXT_MAX];
	uint32_t left = o->count_given ? o->count : 1;
	bool for_ever = left == 0, ok = true;
	struct session s;

	if (!session_open(&s, world, o))
		return s.status;
	ok = session_offer(&s, "text", s.port);
	while (ok && (for_ever || left > 0)) {
		bool found = false;

		for (uint32_t i = 0; i < s.slots && (for_ever || left > 0); i++) {
			struct ivsh_message message;

			if (!session_peek(&s, i, &message))
				continue;
			found = true;
			if (message.port == o->port && message.size <= sizeof(buffer)) {
				if (ivsh_chan_receive(
					&s.chan[i], &message, buffer, sizeof(buffer)) == 0) {
					text_print(&s, i, &message);
					left--;
				}
				continue;
			}
			fprintf(stderr, "ivsh: recv: %s, port %u: %" PRIu32 " bytes dropped\n",
			    session_who(&s, i), message.port, message.size);
			if (ivsh_chan_release(&s.chan[i]))
				break;
		}
		if (!found)
			ok = session_idle(&s);
	}
	session_close(&s);
	return ok ? STATUS_DONE : s.status;
}
