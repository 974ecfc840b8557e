/* SPDX-License-Identifier: MIT */
/*
 * talk.c - one short program for systems that have no C library: ping, echo and send.
 *
 * Each wait ends after LOOK_NS at the latest, so that the user can stop the program.
 */
#include "talk.h"

#define SIZE_MOST 4096u
#define TAG_SIZE 8u

#define SECOND_NS UINT64_C(1000000000)
#define LOOK_NS (SECOND_NS / 10)
#define LATE_NS (SECOND_NS / 2)   /* a message without an answer is sent again after this time */
#define LIMIT_NS (30 * SECOND_NS) /* for a peer to appear, and for an answer in all */

struct program {
	const struct ivsh_talk *talk;
	struct ivsh_node *node;
	const char *wanted; /* the peer, as the user named it */
	uint32_t peer;
	uint64_t tag;   /* of the last message: an answer with another one is late, and ignored */
	uint32_t again; /* messages that were sent again */
};

static uint8_t block[IVSH_NODE_MEMORY], out[SIZE_MOST], in[SIZE_MOST + 1];

/* --- Words and numbers ------------------------------------------------------------------------ */

static void print(const struct program *p, const char *text)
{
	p->talk->print(p->talk->ctx, text);
}

static void print_number(const struct program *p, uint32_t value)
{
	char digits[11];
	char *at = digits + sizeof(digits) - 1;

	*at = '\0';
	do {
		*--at = (char)('0' + value % 10);
		value /= 10;
	} while (value != 0);
	print(p, at);
}

static bool is_equal(const char *a, const char *b)
{
	while (*a != '\0' && *a == *b)
		a++, b++;
	return *a == *b;
}

static bool is_number(const char *text, uint32_t *value)
{
	*value = 0;
	for (; *text >= '0' && *text <= '9' && *value < 100000000; text++)
		*value = *value * 10 + (uint32_t)(*text - '0');
	return *text == '\0';
}

/* A line that says what failed; the status. */
static int failed(const struct program *p, const char *what, int error)
{
	print(p, "ivsh: ");
	print(p, what);
	print(p, ": ");
	print(p, ivsh_error_text(error));
	print(p, "\n");
	return IVSH_TALK_FAILED;
}

static bool is_stopped(const struct program *p)
{
	return p->talk->stop && p->talk->stop(p->talk->ctx);
}

/* --- Steps ------------------------------------------------------------------------------------ */

/* Find the peer by its name, or its number; again after it was away, as it may be elsewhere. */
static int find(struct program *p)
{
	uint64_t end = ivsh_node_now(p->node) + LIMIT_NS;
	int error;

	if (is_number(p->wanted, &p->peer))
		return IVSH_TALK_DONE;
	do {
		error = ivsh_node_find(p->node, p->wanted, &p->peer, LOOK_NS);
		if (is_stopped(p))
			return IVSH_TALK_STOPPED;
	} while (error == IVSH_ENODEV && ivsh_node_now(p->node) < end);
	return error ? failed(p, p->wanted, error) : IVSH_TALK_DONE;
}

/* Send (size) bytes of out. */
static int send(struct program *p, uint32_t peer, uint16_t port, const void *data, uint32_t size)
{
	uint64_t end = ivsh_node_now(p->node) + LIMIT_NS;
	int error;

	do {
		error = ivsh_node_send(p->node, peer, port, data, size, LOOK_NS);
		if (is_stopped(p))
			return IVSH_TALK_STOPPED;
	} while ((error == IVSH_EAGAIN || error == IVSH_EPEER) && ivsh_node_now(p->node) < end);
	return error ? failed(p, "send", error) : IVSH_TALK_DONE;
}

/*
 * The next message into in, within LOOK_NS: *got says whether there was one. A message that is
 * larger than in is dropped, or nothing behind it would ever come.
 */
static int receive(struct program *p, struct ivsh_node_message *message, bool *got)
{
	int error = ivsh_node_receive(p->node, message, in, SIZE_MOST, LOOK_NS);

	*got = !error;
	if (error == IVSH_ENOSPC) {
		print(p, "ivsh: a message that is too large is dropped\n");
		ivsh_node_drop(p->node, message);
		error = 0;
	}
	if (error && error != IVSH_EAGAIN && error != IVSH_EPEER)
		return failed(p, "receive", error);
	return is_stopped(p) ? IVSH_TALK_STOPPED : IVSH_TALK_DONE;
}

/* --- ping ------------------------------------------------------------------------------------- */

/* Message (number), of (size) bytes: its tag, and bytes that differ from message to message. */
static void fill(struct program *p, uint32_t number, uint32_t size)
{
	p->tag++;
	for (uint32_t i = 0; i < TAG_SIZE; i++)
		out[i] = (uint8_t)(p->tag >> 8 * i);
	for (uint32_t i = TAG_SIZE; i < size; i++)
		out[i] = (uint8_t)(number + i * 7);
}

static bool is_same(uint32_t size)
{
	uint32_t i = 0;

	while (i < size && in[i] == out[i])
		i++;
	return i == size;
}

/* Wait LATE_NS for the answer to what is in out; *got: it came, and may have other bytes. */
static int await(struct program *p, uint32_t size, bool *got)
{
	uint64_t end = ivsh_node_now(p->node) + LATE_NS;
	int status;

	do {
		struct ivsh_node_message m;

		status = receive(p, &m, got);
		*got = *got && m.peer == p->peer && m.port == IVSH_PORT_ECHO && m.size == size &&
		       is_same(TAG_SIZE);
	} while (status == IVSH_TALK_DONE && !*got && ivsh_node_now(p->node) < end);
	return status;
}

static int ping_one(struct program *p, uint32_t number)
{
	uint64_t end = ivsh_node_now(p->node) + LIMIT_NS;
	uint32_t max = ivsh_node_max(p->node) < SIZE_MOST ? ivsh_node_max(p->node) : SIZE_MOST;
	uint32_t size = TAG_SIZE + number * 97 % (max - TAG_SIZE + 1);
	bool got = false;
	int status;

	for (;;) {
		fill(p, number, size);
		status = send(p, p->peer, IVSH_PORT_ECHO, out, size);
		if (status == IVSH_TALK_DONE)
			status = await(p, size, &got);
		if (status != IVSH_TALK_DONE)
			return status;
		if (got && is_same(size))
			return IVSH_TALK_DONE;
		if (got || ivsh_node_now(p->node) >= end)
			break;
		p->again++;
		status = find(p);
		if (status != IVSH_TALK_DONE)
			return status;
	}
	return failed(
	    p, got ? "an answer is not what was sent" : p->wanted, got ? IVSH_EPROTO : IVSH_EAGAIN);
}

static int ping(struct program *p, uint32_t count)
{
	int status = find(p);
	uint32_t done = 0;

	while (status == IVSH_TALK_DONE && done < count) {
		status = ping_one(p, done);
		done += status == IVSH_TALK_DONE;
	}
	print(p, "ivsh: ");
	print_number(p, done);
	print(p, " answers of ");
	print(p, p->wanted);
	print(p, ", every byte compared; sent again ");
	print_number(p, p->again);
	print(p, "\n");
	return status;
}

/* --- echo and send ---------------------------------------------------------------------------- */

/* A peer's text: what is not printable could move a terminal's cursor. */
static void print_text(const struct program *p, uint32_t peer, uint32_t size)
{
	for (uint32_t i = 0; i < size; i++)
		if (in[i] < ' ' || in[i] > '~')
			in[i] = '.';
	in[size] = '\0';
	print(p, "ivsh: text from slot ");
	print_number(p, peer);
	print(p, ": ");
	print(p, (const char *)in);
	print(p, "\n");
}

static int echo(struct program *p, uint32_t count)
{
	uint32_t done = 0;
	int status = IVSH_TALK_DONE;

	while (status == IVSH_TALK_DONE && (count == 0 || done < count)) {
		struct ivsh_node_message m;
		bool got;

		status = receive(p, &m, &got);
		if (!got || status != IVSH_TALK_DONE)
			continue;
		if (m.port == IVSH_PORT_TEXT)
			print_text(p, m.peer, m.size);
		if (m.port != IVSH_PORT_ECHO)
			continue;
		status = send(p, m.peer, m.port, in, m.size);
		done += status == IVSH_TALK_DONE;
	}
	print(p, "ivsh: answered ");
	print_number(p, done);
	print(p, " messages\n");
	return status;
}

/* The words from the third on, with a blank between two. */
static int send_text(struct program *p, int words, char *const word[])
{
	uint32_t size = 0;
	int status = find(p);

	for (int i = 2; i < words; i++) {
		if (i > 2 && size < SIZE_MOST)
			out[size++] = ' ';
		for (const char *at = word[i]; *at != '\0' && size < SIZE_MOST; at++)
			out[size++] = (uint8_t)*at;
	}
	if (status == IVSH_TALK_DONE)
		status = send(p, p->peer, IVSH_PORT_TEXT, out, size);
	if (status == IVSH_TALK_DONE)
		print(p, "ivsh: sent\n");
	return status;
}

/* --- The program ------------------------------------------------------------------------------ */

static void print_attached(const struct program *p)
{
	print(p, "ivsh: slot ");
	print_number(p, p->node->self);
	print(p, " of ");
	print_number(p, p->node->slots);
	print(p, ", vectors ");
	print_number(p, p->node->region.mem.doorbell.vectors);
	print(p, "\n");
}

static void print_waits(const struct program *p)
{
	const struct ivsh_counters *c = &p->node->region.counters;

	print(p, "ivsh: woken by doorbell ");
	print_number(p, (uint32_t)c->wakes_doorbell);
	print(p, ", by timer ");
	print_number(p, (uint32_t)c->wakes_timer);
	print(p, "; notifications sent ");
	print_number(p, (uint32_t)c->notifications_sent);
	print(p, "\n");
}

int ivsh_talk(
    const struct ivsh_talk *talk, const struct ivsh_mem *mem, int words, char *const word[])
{
	struct program p = {.talk = talk, .wanted = words > 1 ? word[1] : ""};
	struct ivsh_node_options options = {.name = talk->name};
	bool pings = words == 3 && is_equal(word[0], "ping");
	bool echoes = words == 2 && is_equal(word[0], "echo");
	uint32_t count = 0;
	int status, error;

	if (pings || echoes ? !is_number(word[words - 1], &count)
			    : words < 3 || !is_equal(word[0], "send")) {
		print(&p, "usage: ping PEER COUNT | echo COUNT | send PEER WORD...\n");
		return IVSH_TALK_USAGE;
	}
	error = ivsh_node_open(&p.node, block, sizeof(block), mem, &options);
	if (error)
		return failed(&p, "node", error);
	p.tag = p.node->region.nonce;
	print_attached(&p);
	status = pings ? ping(&p, count) : echoes ? echo(&p, count) : send_text(&p, words, word);
	print_waits(&p);
	ivsh_node_close(p.node);
	return status;
}
