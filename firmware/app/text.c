/* SPDX-License-Identifier: MIT */
/*
 * text.c - send and recv: messages for people and for pipes.
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

#define READ_SIZE 65536u

/* Bytes to be sent. */
struct text {
	uint8_t *bytes;
	uint32_t size, room;
};

/* Room for (more) bytes. 0, or -1 after a line. */
static int text_grow(struct text *text, size_t more)
{
	size_t need = text->size + more, room = text->room ? text->room : 64;
	uint8_t *grown;

	while (room < need)
		room *= 2;
	grown = room == text->room ? text->bytes : realloc(text->bytes, room);
	if (!grown) {
		fprintf(stderr, "ivsh: send: no memory for %zu bytes\n", room);
		return -1;
	}
	text->bytes = grown;
	text->room = (uint32_t)room;
	return 0;
}

/* The words from the third on, with a blank between two. 0, or -1 after a line. */
static int text_join(struct text *text, const struct options *options)
{
	for (unsigned i = 2; i < options->words; i++) {
		size_t length = strlen(options->word[i]);

		if (text_grow(text, length + 1))
			return -1;
		if (i > 2)
			text->bytes[text->size++] = ' ';
		memcpy(text->bytes + text->size, options->word[i], length);
		text->size += (uint32_t)length;
	}
	return 0;
}

/*
 * All of standard input, up to what no region can take; before the region is entered, so that who
 * types holds no slot. 0, or -1 after a line.
 */
static int text_read(struct text *text, const struct world_files *files)
{
	int32_t got = 0;

	if (files->source_open("-"))
		return -1;
	do {
		if (text_grow(text, READ_SIZE))
			return -1;
		got = files->source_read(text->bytes + text->size, READ_SIZE);
		if (got > 0)
			text->size += (uint32_t)got;
	} while (got == WORLD_NOT_YET || (got > 0 && text->size <= IVSH_WIRE_AREA_MAX));
	return got < 0 ? -1 : 0;
}

/* Find the peer, and send it (text) as one message. As session_send(). */
static int text_try(struct session *s, const struct text *text, uint32_t *peer)
{
	int slot = session_find(s, s->options->word[1]);

	if (slot < 0)
		return -1;
	*peer = (uint32_t)slot;
	if (text->size > s->max) {
		fprintf(stderr,
		    "ivsh: send: %" PRIu32 " bytes%s: a message of this region has at most %" PRIu32
		    "\n",
		    text->size, text->size > IVSH_WIRE_AREA_MAX ? " and more" : "", s->max);
		s->status = STATUS_FAILED;
		return -1;
	}
	session_await(s, *peer, "room for a message to %s", session_who(s, *peer));
	return session_send(s, *peer, s->port, text->bytes, text->size);
}

/* Send (text) as one message to the peer that is named. Answers the exit status. */
static int text_send(struct session *s, const struct text *text)
{
	uint32_t peer = 0;
	int sent;

	do
		sent = text_try(s, text, &peer);
	while (sent == SESSION_ANEW);
	if (sent)
		return s->status;
	report_sent(s, peer, text->size);
	return STATUS_DONE;
}

int send_run(const struct world *world, const struct options *o)
{
	bool is_input = o->words == 3 && strcmp(o->word[2], "-") == 0;
	struct text text = {0};
	int status = STATUS_FAILED;
	struct session s;

	if (is_input && !world->files) {
		fprintf(stderr, "ivsh: send: -: %s has no files\n", world->name);
		return STATUS_NO_FILES;
	}
	if ((is_input ? text_read(&text, world->files) : text_join(&text, o)) == 0) {
		if (session_open(&s, world, o, 0, SESSION_PATIENCE_NS)) {
			status = s.status;
		} else {
			s.goes_on = true;
			status = text_send(&s, &text);
			session_close(&s);
		}
	}
	free(text.bytes);
	return status;
}

/* The part of a message that recv keeps while it prints it. */
struct copy {
	uint8_t *bytes;
	uint32_t room;
};

static void drop_print(struct session *s, uint32_t slot, const struct ivsh_message *message)
{
	fprintf(stderr, "ivsh: recv: %s, port %u: %" PRIu32 " bytes dropped\n",
	    session_who(s, slot), message->port, message->size);
}

/* A message of another port goes, or nothing behind it in the ring would ever come. */
static void recv_drop(struct session *s, uint32_t slot, const struct ivsh_message *message)
{
	int error;

	drop_print(s, slot, message);
	error = ivsh_chan_release(session_chan(s, slot));
	if (error && error != IVSH_EAGAIN && !session_is_lost(error))
		session_failed(s, slot, error);
}

static bool copy_grow(struct copy *copy, uint32_t size)
{
	uint8_t *grown = size > copy->room ? realloc(copy->bytes, size) : copy->bytes;

	if (size > copy->room && grown) {
		copy->bytes = grown;
		copy->room = size;
	}
	return size <= copy->room;
}

/* Copy it out first: the peer may change the original. False: no memory for it. */
static bool copy_take(struct copy *copy, const struct ivsh_message *message)
{
	if (!copy_grow(copy, message->size))
		return false;
	if (message->size)
		memcpy(copy->bytes, message->data, message->size);
	return true;
}

static void message_print(
    struct session *s, uint32_t slot, const struct ivsh_message *message, const uint8_t *bytes)
{
	bool maybe_seen = message->flags & IVSH_MAYBE_SEEN;
	struct json json;

	if (!s->options->json) {
		printf("%s, port %u%s: ", session_who(s, slot), message->port,
		    maybe_seen ? ", maybe seen" : "");
		output_text(bytes, message->size);
		putchar('\n');
		return;
	}
	report_begin(&json, s, "message");
	report_peer(&json, s, slot);
	json_u64(&json, "port", message->port);
	json_bool(&json, "maybe_seen", maybe_seen);
	json_u64(&json, "size_bytes", message->size);
	json_bytes(&json, "data", bytes, message->size);
	json_end(&json);
}

/* Print (message), copied, of (slot). 0, or -1 with s->status set. */
static int recv_print(
    struct session *s, uint32_t slot, const struct ivsh_message *message, const uint8_t *bytes)
{
	if (s->options->raw_output)
		fwrite(bytes, 1, message->size, stdout);
	else
		message_print(s, slot, message, bytes);
	s->status = output_flush();
	return s->status ? -1 : 0;
}

/*
 * With --console the node receives, as connections need it. As recv_one(), of any slot; what could
 * not be written is gone.
 */
static int recv_copied(struct session *s, struct copy *copy)
{
	struct ivsh_node_message m;

	if (!copy_grow(copy, s->max)) {
		fprintf(stderr, "ivsh: recv: no memory for %" PRIu32 " bytes\n", s->max);
		s->status = STATUS_FAILED;
		return -1;
	}
	if (!console_receive(s, &m, copy->bytes, copy->room))
		return 0;
	if (m.port != s->port || m.request != 0) {
		drop_print(s, m.peer, &m.message);
		return 0;
	}
	return recv_print(s, m.peer, &m.message, copy->bytes) ? -1 : 1;
}

/*
 * Print the next message of (slot) and release it: what could not be written stays for the next
 * incarnation. 1: printed; 0: there was none; -1: over, with s->status set.
 */
static int recv_one(struct session *s, uint32_t slot, struct copy *copy)
{
	uint32_t moved = s->node->region.moved;
	struct ivsh_message message;
	int error;

	if (!session_peek(s, slot, &message))
		return 0;
	if (message.port != s->port || !copy_take(copy, &message)) {
		recv_drop(s, slot, &message);
		return 0;
	}
	/* The copy is not believed if the machine or the memory was moved while it was made. */
	if (!session_peek(s, slot, &message) || s->node->region.moved != moved)
		return 0;
	if (recv_print(s, slot, &message, copy->bytes))
		return -1;
	error = ivsh_chan_release(session_chan(s, slot));
	/* It was printed, and may come again. */
	if (!error || error == IVSH_EAGAIN || session_is_lost(error))
		return 1;
	return session_broken(s, slot, error) == SESSION_ANEW ? 1 : -1;
}

/* Receive and print (left) messages; 0: for ever. Answers the exit status. */
static int recv_all(struct session *s, uint32_t left, struct copy *copy)
{
	session_await(s, IVSH_SELF_NONE, "a message on port %u", s->port);
	while (s->endless || left > 0) {
		bool found = false;

		for (uint32_t i = 0; i < s->slots && (s->endless || left > 0); i++) {
			int printed = s->console ? recv_copied(s, copy) : recv_one(s, i, copy);

			if (printed < 0)
				return s->status;
			found |= printed != 0;
			left -= printed != 0 && !s->endless;
		}
		if (!(found ? session_busy(s) : session_idle(s)))
			return s->status;
	}
	return STATUS_DONE;
}

int recv_run(const struct world *world, const struct options *o)
{
	struct copy copy = {0};
	struct session s;
	int status = STATUS_FAILED;

	if (o->raw_output && o->json) {
		fprintf(stderr, "ivsh: recv: --raw-output and --json: give one of them\n");
		return STATUS_USAGE;
	}
	if (session_open(&s, world, o, 0, 0))
		return s.status;
	s.endless = o->count == 0;
	s.goes_on = true;
	if (session_offer(&s, "text") == 0)
		status = recv_all(&s, o->count, &copy);
	free(copy.bytes);
	session_close(&s);
	return status;
}
