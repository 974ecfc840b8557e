/* SPDX-License-Identifier: MIT */
/*
 * text.c - send and recv: messages for people and for pipes.
 */
#include "peer/commands.h"
#include "peer/output.h"
#include "peer/session.h"
#include "peer/stop.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TEXT_PATIENCE_NS UINT64_C(5000000000) /* for the peer to come, and for room */

/* Bytes to be sent. */
struct text {
	uint8_t *bytes;
	size_t size;
};

/* The words from the third on, with a blank between two. 0, or -1 after a line. */
static int text_join(struct text *text, const struct options *options)
{
	size_t room = 1;

	for (unsigned i = 2; i < options->words; i++)
		room += strlen(options->word[i]) + 1;
	text->bytes = malloc(room);
	if (!text->bytes) {
		fprintf(stderr, "ivsh: send: no memory for %zu bytes\n", room);
		return -1;
	}
	for (unsigned i = 2; i < options->words; i++) {
		size_t length = strlen(options->word[i]);

		if (i > 2)
			text->bytes[text->size++] = ' ';
		memcpy(text->bytes + text->size, options->word[i], length);
		text->size += length;
	}
	return 0;
}

/*
 * All of stdin, up to what no region can take; before the region is entered, so that who types
 * holds no slot. 0, or -1 after a line.
 */
static int text_read(struct text *text)
{
	size_t room = 0;
	ssize_t got;

	do {
		if (text->size == room) {
			uint8_t *grown;

			room = room ? room * 2 : 65536;
			grown = realloc(text->bytes, room);
			if (!grown) {
				fprintf(stderr, "ivsh: send: no memory for %zu bytes\n", room);
				return -1;
			}
			text->bytes = grown;
		}
		got = read(STDIN_FILENO, text->bytes + text->size, room - text->size);
		if (got < 0) {
			fprintf(stderr, "ivsh: stdin: %s\n", strerror(errno));
			return -1;
		}
		text->size += (size_t)got;
	} while (got > 0 && text->size <= IVSH_WIRE_AREA_MAX);
	return 0;
}

/* Send (text) as one message, waiting for room. 0, or the exit status. */
static int text_send(struct session *s, uint32_t peer, const struct text *text)
{
	int error;

	if (text->size > s->max) {
		fprintf(stderr,
		    "ivsh: send: %zu bytes%s: a message of this region has at most %" PRIu32 "\n",
		    text->size, text->size > IVSH_WIRE_AREA_MAX ? " and more" : "", s->max);
		return STATUS_FAILED;
	}
	session_await(s, peer, "room for a message to %s", session_who(s, peer));
	while ((error = ivsh_chan_send(
		    &s->chan[peer], s->port, text->bytes, (uint32_t)text->size)) == IVSH_EAGAIN)
		if (!session_full(s, peer))
			return s->status;
	if (error) {
		session_failed(s, peer, error);
		return STATUS_FAILED;
	}
	printf("sent %zu bytes to %s\n", text->size, session_who(s, peer));
	return 0;
}

int send_run(const struct options *options)
{
	struct text text = {0};
	struct session s;
	bool is_stdin = options->words == 3 && !strcmp(options->word[2], "-");
	int peer, status;

	if (is_stdin ? text_read(&text) : text_join(&text, options)) {
		free(text.bytes);
		return STATUS_FAILED;
	}
	if (session_open(&s, options, TEXT_PATIENCE_NS)) {
		free(text.bytes);
		return s.status;
	}
	peer = session_find(&s, options->word[1]);
	status = peer < 0 ? s.status : text_send(&s, (uint32_t)peer, &text);
	session_close(&s);
	free(text.bytes);
	return status;
}

/* Print one message and give it back: what could not be written stays for the next life. */
static int recv_one(struct session *s, uint32_t slot, struct ivsh_message *message, uint8_t *buffer)
{
	int status, error;

	/* A copy first: the peer may change the original. */
	memcpy(buffer, message->data, message->size);
	if (s->options->raw_output) {
		fwrite(buffer, 1, message->size, stdout);
	} else {
		printf("%s, port %u%s: ", session_who(s, slot), message->port,
		    message->flags & IVSH_MAYBE_SEEN ? ", maybe seen" : "");
		output_text(buffer, message->size);
		putchar('\n');
	}
	status = output_flush();
	if (status)
		return status;
	error = ivsh_chan_release(&s->chan[slot]);
	if (error)
		session_failed(s, slot, error);
	return error ? STATUS_FAILED : STATUS_DONE;
}

/* Whatever stands before it in the ring has to go, or nothing behind it would ever come. */
static void recv_drop(struct session *s, uint32_t slot, const struct ivsh_message *message)
{
	int error;

	fprintf(stderr, "ivsh: recv: %s, port %u: %" PRIu32 " bytes dropped\n",
	    session_who(s, slot), message->port, message->size);
	error = ivsh_chan_release(&s->chan[slot]);
	if (error)
		session_failed(s, slot, error);
}

/* Receive and print (left) messages; 0: for ever. 0, or the exit status. */
static int recv_all(struct session *s, uint32_t left, uint8_t *buffer)
{
	bool for_ever = left == 0;

	session_await(s, IVSH_SELF_NONE, "a message on port %u", s->port);
	while (for_ever || left > 0) {
		bool found = false;

		for (uint32_t i = 0; i < s->slots && (for_ever || left > 0); i++) {
			struct ivsh_message message;
			int status;

			if (!session_peek(s, i, &message))
				continue;
			if (message.port != s->port) {
				recv_drop(s, i, &message);
				continue;
			}
			status = recv_one(s, i, &message, buffer);
			if (status)
				return status;
			found = true;
			left -= for_ever ? 0 : 1;
		}
		/* Being stopped is the only end that there is without a count. */
		if (!(found ? session_busy(s) : session_idle(s)))
			return for_ever && stop_signal() ? 0 : s->status;
	}
	return 0;
}

int recv_run(const struct options *options)
{
	struct session s;
	uint8_t *buffer;
	int status = 0;

	if (session_open(&s, options, 0))
		return s.status;
	buffer = malloc(s.max);
	if (buffer) {
		session_channels(&s);
		status = session_offer(&s, "text") ? STATUS_FAILED : STATUS_DONE;
	}
	if (buffer && !status) {
		status = recv_all(&s, options->count_given ? options->count : 1, buffer);
	} else if (!buffer) {
		status = STATUS_FAILED;
		fprintf(stderr, "ivsh: recv: no memory for %" PRIu32 " bytes\n", s.max);
	}
	free(buffer);
	session_close(&s);
	return status;
}
