/* SPDX-License-Identifier: MIT */
/*
 * link.c - one peer of demo and stress: what goes to it, and what comes from it.
 *
 * Each side's half of an exchange goes from one incarnation to another, and its HELLO names both.
 * So a side ignores what earlier incarnations left in the rings. When either side is in another
 * incarnation, both halves begin again: it was started again, its machine was moved, or its device
 * was away.
 */
#include "app/link.h"

#include "app/exchange.h"
#include "app/output.h"
#include "app/report.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

const struct session_metric link_metrics[] = {
    [LINK_SENT] = {"exchange_sent_messages", IVSH_METRIC_COUNTER},
    [LINK_SENT_BYTES] = {"exchange_sent_bytes", IVSH_METRIC_COUNTER},
    [LINK_RECEIVED] = {"exchange_received_messages", IVSH_METRIC_COUNTER},
    [LINK_RECEIVED_BYTES] = {"exchange_received_bytes", IVSH_METRIC_COUNTER},
    {NULL, IVSH_METRIC_COUNTER},
};

static struct exchange_id id_of(
    const struct demo *d, uint32_t sender, uint32_t receiver, uint32_t number)
{
	struct exchange_id id = {sender, receiver, number, d->count, d->random};

	return id;
}

/* The channel to (slot) is lost: print a line. A lost slot or device is the session's to handle. */
static void fail_channel(struct demo *d, uint32_t slot, int error)
{
	if (!session_is_lost(error) && session_broken(&d->s, slot, error) != SESSION_ANEW)
		d->failed = true;
}

/*
 * So late a machine that was moved may show that: its platform looks every 20 ms (platform.h,
 * vm_generation), and its host may be busy.
 */
#define LATE_NS UINT64_C(500000000)

/* Whether another incarnation of ours has begun, or is about to: all begins anew. */
static bool is_moved(const struct demo *d)
{
	return d->s.node->region.incarnation != d->s.incarnation;
}

/*
 * Whether what looks like a fault comes from a move of either machine, which shows meanwhile in
 * another incarnation. Our platform looks for it when it reads the clock, the library in each call.
 */
static bool is_of_a_move(struct demo *d, uint32_t slot)
{
	uint64_t end_ns = session_now(&d->s) + LATE_NS;
	struct ivsh_message unread;

	while (
	    !is_moved(d) && session_peer(&d->s, slot)->incarnation == d->link[slot].incarnation) {
		if (session_now(&d->s) >= end_ns)
			return false;
		if (ivsh_chan_peek(session_chan(&d->s, slot), &unread))
			continue; /* it looked for a move all the same */
	}
	return true;
}

static void fail(struct demo *d, uint32_t slot, const char *what, uint32_t number)
{
	if (is_of_a_move(d, slot))
		return;
	fprintf(stderr, "ivsh: %s: from %s: message %" PRIu32 ": %s\n", d->name,
	    session_who(&d->s, slot), number, what);
	d->s.status = STATUS_FAILED;
	d->failed = true;
}

/* Write the text of HELLO to (slot) to (text) of (size) bytes. Answers its length. */
static uint32_t hello_make(struct demo *d, uint32_t slot, char *text, size_t size)
{
	struct exchange_hello hello = {
	    .from = d->s.node->region.incarnation, .to = d->link[slot].incarnation};

	memcpy(text, &hello, sizeof(hello));
	return (uint32_t)sizeof(hello) + (uint32_t)snprintf(text + sizeof(hello),
					     size - sizeof(hello), "hello, here is %s on %s",
					     session_who(&d->s, d->s.self), d->s.world->name);
}

/* Build one message in the ring and publish it. False: no room yet, or failed. */
static bool put(struct demo *d, uint32_t slot, enum exchange_kind kind, uint32_t number)
{
	uint32_t self = d->s.self, size = sizeof(struct exchange_head);
	struct exchange_id id = id_of(d, self, slot, number);
	struct exchange_head head = {.kind = kind, .number = number};
	struct ivsh_chan *chan = session_chan(&d->s, slot);
	char hello[128];
	uint8_t *body;
	void *payload;
	int error;

	if (kind == EXCHANGE_DATA)
		size = exchange_size(&id, d->max);
	else if (kind == EXCHANGE_HELLO)
		size += hello_make(d, slot, hello, sizeof(hello));
	error = ivsh_chan_reserve(chan, size, &payload);
	if (error) {
		if (error != IVSH_EAGAIN)
			fail_channel(d, slot, error);
		return false;
	}
	body = (uint8_t *)payload + sizeof(head);
	if (kind == EXCHANGE_DATA)
		exchange_fill(&id, body, size - (uint32_t)sizeof(head));
	else if (kind == EXCHANGE_HELLO)
		memcpy(body, hello, size - sizeof(head));
	head.sum = exchange_sum(body, size - (uint32_t)sizeof(head));
	memcpy(payload, &head, sizeof(head));
	error = ivsh_chan_publish(chan, EXCHANGE_PORT);
	if (error) {
		/* IVSH_EAGAIN: the machine was moved, and the reservation is void. */
		if (error != IVSH_EAGAIN)
			fail_channel(d, slot, error);
		return false;
	}
	if (kind == EXCHANGE_DATA) {
		d->link[slot].bytes_sent += size;
		ivsh_metric_add(&d->s.metric[LINK_SENT], 1);
		ivsh_metric_add(&d->s.metric[LINK_SENT_BYTES], size);
	}
	return true;
}

bool link_send(struct demo *d, uint32_t slot)
{
	struct link *l = &d->link[slot];

	if (!l->active || l->done_sent)
		return false;
	if (!l->hello_sent) {
		l->hello_sent = put(d, slot, EXCHANGE_HELLO, d->count);
		/* A new run that began before it costs nothing. */
		if (l->hello_sent)
			l->lost = session_chan(&d->s, slot)->lost;
		return l->hello_sent;
	}
	if (l->sent < d->count) {
		if (!put(d, slot, EXCHANGE_DATA, l->sent))
			return false;
		l->sent++;
		return true;
	}
	return l->done_sent = put(d, slot, EXCHANGE_DONE, d->count);
}

static void progress_print(struct demo *d, uint32_t slot, uint32_t size)
{
	const struct link *l = &d->link[slot];
	struct json json;

	if (!d->s.options->json) {
		printf("%s: message %" PRIu32 " of %" PRIu32 ", %" PRIu32 " bytes: %s\n",
		    session_who(&d->s, slot), l->seen, d->count, size,
		    d->failed ? "WRONG" : "good");
		return;
	}
	report_begin(&json, &d->s, "progress");
	report_peer(&json, &d->s, slot);
	json_u64(&json, "received_messages", l->seen);
	json_u64(&json, "of", d->count);
	json_u64(&json, "size_bytes", size);
	json_bool(&json, "good", !d->failed);
	json_end(&json);
}

/* Check the data message of (size) bytes in d->in. */
static void data_check(
    struct demo *d, uint32_t slot, const struct exchange_head *head, uint32_t size)
{
	struct link *l = &d->link[slot];
	struct exchange_id id = id_of(d, slot, d->s.self, l->seen);
	uint32_t body = size - (uint32_t)sizeof(*head);

	if (head->number != l->seen) {
		fail(d, slot, "not the next number", head->number);
	} else if (size != exchange_size(&id, d->max)) {
		fail(d, slot, "wrong length", head->number);
	} else if (head->sum != exchange_sum(d->in + sizeof(*head), body)) {
		fail(d, slot, "wrong checksum", head->number);
	} else {
		exchange_fill(&id, d->want, body);
		if (memcmp(d->in + sizeof(*head), d->want, body) != 0)
			fail(d, slot, "wrong bytes", head->number);
	}
	l->seen++;
	l->bytes_seen += size;
	ivsh_metric_add(&d->s.metric[LINK_RECEIVED], 1);
	ivsh_metric_add(&d->s.metric[LINK_RECEIVED_BYTES], size);
	if (!d->quiet && (l->seen % (d->count / 4 ? d->count / 4 : 1) == 0 || l->seen == d->count))
		progress_print(d, slot, size);
}

static void hello_print(struct demo *d, uint32_t slot, uint32_t size)
{
	const uint32_t head = sizeof(struct exchange_head) + sizeof(struct exchange_hello);
	struct json json;

	if (d->s.options->json) {
		report_begin(&json, &d->s, "hello");
		report_peer(&json, &d->s, slot);
		json_bytes(&json, "text", d->in + head, size - head);
		json_end(&json);
		return;
	}
	printf("%s says: ", session_who(&d->s, slot));
	output_text(d->in + head, size - head);
	printf("\n");
}

/* Our half of the exchange begins, or begins again: it is for (slot) as it is now. */
static void half_begin(struct demo *d, uint32_t slot)
{
	struct link *l = &d->link[slot];

	l->incarnation = session_peer(&d->s, slot)->incarnation;
	l->hello_sent = l->done_sent = false;
	l->sent = 0;
	l->bytes_sent = 0;
}

/* Both halves begin again. */
static void exchange_begin(struct demo *d, uint32_t slot)
{
	struct link *l = &d->link[slot];

	half_begin(d, slot);
	l->hello_seen = l->done_seen = false;
	l->seen = 0;
	l->bytes_seen = 0;
}

static void partner_print(struct demo *d, uint32_t slot)
{
	struct json json;

	if (d->s.options->json) {
		report_begin(&json, &d->s, "partner");
		report_peer(&json, &d->s, slot);
		json_end(&json);
	} else {
		printf("%s is here\n", session_who(&d->s, slot));
	}
}

void link_begin(struct demo *d, uint32_t slot)
{
	d->link[slot].active = true;
	d->active++;
	d->link[slot].begun = false;
	d->left = IVSH_SELF_NONE;
	exchange_begin(d, slot);
	partner_print(d, slot);
}

void link_restart(struct demo *d, uint32_t slot)
{
	exchange_begin(d, slot);
}

/* The partner is in another incarnation than the one that the exchange began with. */
static void partner_again(struct demo *d, uint32_t slot)
{
	if (d->link[slot].begun)
		fprintf(stderr,
		    "ivsh: %s: %s was started again, or moved: the exchange with it begins again\n",
		    d->name, session_who(&d->s, slot));
	exchange_begin(d, slot);
}

/* The peer begins its half, or begins it again, since a reset may have taken the first one. */
static void hello_take(
    struct demo *d, uint32_t slot, const struct exchange_head *head, uint32_t size)
{
	struct link *l = &d->link[slot];
	struct exchange_hello hello;

	memcpy(&hello, d->in + sizeof(*head), sizeof(hello));
	/* Of an earlier incarnation, or for one. */
	if (hello.to != d->s.node->region.incarnation ||
	    hello.from != session_peer(&d->s, slot)->incarnation)
		return;
	if (!l->active)
		link_begin(d, slot);
	if (hello.from != l->incarnation)
		partner_again(d, slot);
	if (!l->hello_seen) {
		hello_print(d, slot, size);
		/* The run that this came in began before it. */
		l->lost = session_chan(&d->s, slot)->lost;
	}
	l->hello_seen = l->begun = true;
	l->done_seen = false;
	l->seen = 0;
	l->bytes_seen = 0;
	if (head->number != d->count)
		fail(d, slot, "it was given another --count", head->number);
}

static void message_take(struct demo *d, uint32_t slot, uint32_t size)
{
	struct link *l = &d->link[slot];
	struct exchange_head head;

	if (size < sizeof(head)) {
		fail(d, slot, "too short", l->seen);
		return;
	}
	memcpy(&head, d->in, sizeof(head));
	if (head.kind == EXCHANGE_HELLO && size >= sizeof(head) + sizeof(struct exchange_hello))
		hello_take(d, slot, &head, size);
	else if (!l->hello_seen)
		return; /* left by an earlier incarnation, or for one */
	else if (head.kind == EXCHANGE_DATA && !l->done_seen)
		data_check(d, slot, &head, size);
	else if (head.kind == EXCHANGE_DONE && l->seen == d->count && !l->done_seen)
		l->done_seen = true;
	else
		fail(d, slot, "out of turn", head.number);
}

bool link_receive(struct demo *d, uint32_t slot)
{
	bool some = false;

	/* Of a split region, the part of that slot is not there. */
	if (!session_chan(&d->s, slot)->open)
		return false;
	/* A few at a time, so that sending goes on meanwhile. */
	for (unsigned i = 0; i < 16 && !d->failed && !is_moved(d); i++) {
		struct ivsh_message message;
		int error = ivsh_chan_receive(session_chan(&d->s, slot), &message, d->in, d->max);

		if (error == IVSH_EAGAIN)
			break;
		if (error) {
			fail_channel(d, slot, error);
			break;
		}
		some = true;
		if (message.port == EXCHANGE_PORT)
			message_take(d, slot, message.size);
	}
	return some;
}

void link_check(struct demo *d, uint32_t slot)
{
	const struct ivsh_chan *chan = session_chan(&d->s, slot);
	struct link *l = &d->link[slot];

	if (!l->active || (l->done_sent && l->done_seen) || (!l->hello_sent && !l->hello_seen))
		session_mend(&d->s, slot);
	else if (chan->dead)
		fail_channel(d, slot, IVSH_EPROTO);
	/* (chan) may be another. */
	if (d->failed || d->entry != d->s.entries || is_moved(d))
		return;
	if (chan->lost == l->lost)
		return;
	l->lost = chan->lost;
	if (!l->active || (l->done_sent && l->done_seen))
		return;
	/* Before the peer has sent anything, the event belongs to its attach, or to ours. The peer
	 * may have taken our messages, so we send them again. */
	if (!l->hello_seen)
		half_begin(d, slot);
	else if (session_peer(&d->s, slot)->incarnation != l->incarnation)
		partner_again(d, slot);
	else if (l->hello_sent)
		fail(d, slot, "its ring was reset, messages may be lost", l->seen);
}

/* A partner has left in the midst: it may come back, here or in another slot. */
static void partner_left(struct demo *d, uint32_t slot)
{
	fprintf(stderr, "ivsh: %s: %s left before the end: waiting for it to come back\n", d->name,
	    session_who(&d->s, slot));
	d->link[slot].active = false;
	d->active--;
	d->left = slot;
	d->left_ns = session_now(&d->s);
}

void link_partner_check(struct demo *d, uint32_t slot, const struct ivsh_peer *peer)
{
	struct link *l = &d->link[slot];
	enum ivsh_presence presence = peer->presence;
	bool again = peer->incarnation != l->incarnation;

	/* What it sent before it left comes first. */
	if ((again || presence == IVSH_PEER_ABSENT || presence == IVSH_PEER_GONE) &&
	    link_receive(d, slot))
		return;
	if ((l->done_sent && l->done_seen) || d->failed || d->entry != d->s.entries)
		return;
	if (presence == IVSH_PEER_GONE) {
		fail(d, slot, "it died before the end", l->seen);
	} else if (presence == IVSH_PEER_ABSENT && l->begun) {
		partner_left(d, slot);
	} else if (presence != IVSH_PEER_ATTACHED && !l->begun) {
		/* Without a server a peer that was killed seems to be present for a while. */
		l->active = false;
		d->active--;
	} else if (again && presence == IVSH_PEER_ATTACHED) {
		partner_again(d, slot);
	}
}
