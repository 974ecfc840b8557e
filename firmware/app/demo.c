/* SPDX-License-Identifier: MIT */
/*
 * demo.c - demo and stress: numbered messages with every peer, both ways at once, every byte
 * checked.
 */
#include "commands.h"
#include "exchange.h"
#include "session.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What one message may take of this machine's memory, however large the region's are: what
 * ivsh_geometry_fit() stops at. */
#define SIZE_MOST (UINT32_C(1) << 22)

/* One peer, and how far we are with it. */
struct link {
	bool active;
	bool hello_sent, hello_seen;
	bool done_sent, done_seen;
	uint32_t sent, seen;
	uint64_t bytes_sent, bytes_seen;
	uint32_t boot; /* the peer's life that our half of the exchange is for */
	uint32_t lost; /* resets of the channel's rings that cost this exchange nothing */
};

struct demo {
	struct session s;
	const char *name;
	struct link *link; /* one per slot */
	uint32_t active;   /* links that take part */
	uint32_t count;
	bool random, quiet;
	uint32_t max;
	uint8_t *in, *want;
	bool failed;
};

static struct exchange_id id_of(
    const struct demo *d, uint32_t sender, uint32_t receiver, uint32_t number)
{
	struct exchange_id id = {sender, receiver, number, d->count, d->random};

	return id;
}

/* The channel to (slot) is lost: a line says so. */
static void fail_channel(struct demo *d, uint32_t slot, int error)
{
	session_channel_failed(&d->s, slot, error);
	d->failed = true;
}

static void fail(struct demo *d, uint32_t slot, const char *what, uint32_t number)
{
	fprintf(stderr, "ivsh: %s: from %s: message %" PRIu32 ": %s\n", d->name,
	    session_who(&d->s, slot), number, what);
	d->s.status = STATUS_FAILED;
	d->failed = true;
}

/* What HELLO to (slot) says, in (text) of (size) bytes: how long it is. */
static uint32_t hello_make(struct demo *d, uint32_t slot, char *text, size_t size)
{
	struct exchange_hello hello = {.from = d->s.region.boot, .to = d->link[slot].boot};

	memcpy(text, &hello, sizeof(hello));
	return (uint32_t)sizeof(hello) + (uint32_t)snprintf(text + sizeof(hello),
					     size - sizeof(hello), "hello, here is %s on %s",
					     session_who(&d->s, d->s.region.mem.self),
					     d->s.world->name);
}

/* Build one message in its place in the ring and publish it. False: no room yet, or failed. */
static bool put(struct demo *d, uint32_t slot, enum exchange_kind kind, uint32_t number)
{
	uint32_t self = d->s.region.mem.self, size = sizeof(struct exchange_head);
	struct exchange_id id = id_of(d, self, slot, number);
	struct exchange_head head = {.kind = kind, .number = number};
	struct ivsh_chan *chan = &d->s.chan[slot];
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
		fail_channel(d, slot, error);
		return false;
	}
	d->link[slot].bytes_sent += kind == EXCHANGE_DATA ? size : 0;
	return true;
}

/* Send the next thing due to (slot). True: something was sent. */
static bool link_send(struct demo *d, uint32_t slot)
{
	struct link *l = &d->link[slot];

	if (!l->active || l->done_sent)
		return false;
	if (!l->hello_sent) {
		l->hello_sent = put(d, slot, EXCHANGE_HELLO, d->count);
		/* A new run that began before it costs nothing. */
		if (l->hello_sent)
			l->lost = d->s.chan[slot].lost;
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

/* Check the data message of (size) bytes in d->in. */
static void data_check(
    struct demo *d, uint32_t slot, const struct exchange_head *head, uint32_t size)
{
	struct link *l = &d->link[slot];
	struct exchange_id id = id_of(d, slot, d->s.region.mem.self, l->seen);
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
	if (!d->quiet && (l->seen % (d->count / 4 ? d->count / 4 : 1) == 0 || l->seen == d->count))
		printf("%s: message %" PRIu32 " of %" PRIu32 ", %" PRIu32 " bytes: %s\n",
		    session_who(&d->s, slot), l->seen, d->count, size,
		    d->failed ? "WRONG" : "good");
}

/* Anything that prints what a peer wrote keeps to printable ASCII. */
static void hello_print(struct demo *d, uint32_t slot, uint32_t size)
{
	printf("%s says: ", session_who(&d->s, slot));
	for (uint32_t i = sizeof(struct exchange_head) + sizeof(struct exchange_hello); i < size;
	     i++)
		putchar(d->in[i] >= 0x20 && d->in[i] < 0x7f ? d->in[i] : '.');
	printf("\n");
}

/* Our half of the exchange begins, or begins again: it is for the life that (slot) has now. */
static void half_begin(struct demo *d, uint32_t slot)
{
	struct link *l = &d->link[slot];

	l->boot = session_peer(&d->s, slot)->boot;
	l->hello_sent = l->done_sent = false;
	l->sent = 0;
	l->bytes_sent = 0;
}

static void link_begin(struct demo *d, uint32_t slot)
{
	d->link[slot].active = true;
	d->active++;
	half_begin(d, slot);
}

/* The peer begins its half, or begins it again, since a reset may have taken the first one. */
static void hello_take(
    struct demo *d, uint32_t slot, const struct exchange_head *head, uint32_t size)
{
	struct link *l = &d->link[slot];
	struct exchange_hello hello;

	memcpy(&hello, d->in + sizeof(*head), sizeof(hello));
	/* Of an earlier life, or for one. */
	if (hello.to != d->s.region.boot || hello.from != session_peer(&d->s, slot)->boot)
		return;
	if (!l->active)
		link_begin(d, slot);
	if (hello.from != l->boot) {
		if (l->hello_seen) {
			if (!l->done_seen)
				fail(d, slot, "it was started again before the end", l->seen);
			return;
		}
		half_begin(d, slot);
	}
	if (!l->hello_seen) {
		hello_print(d, slot, size);
		/* The run that this came in began before it. */
		l->lost = d->s.chan[slot].lost;
	}
	l->hello_seen = true;
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
		return; /* left by an earlier life, or for one */
	else if (head.kind == EXCHANGE_DATA && !l->done_seen)
		data_check(d, slot, &head, size);
	else if (head.kind == EXCHANGE_DONE && l->seen == d->count && !l->done_seen)
		l->done_seen = true;
	else
		fail(d, slot, "out of turn", head.number);
}

/* Receive what (slot) has sent. True: there was something. */
static bool link_receive(struct demo *d, uint32_t slot)
{
	bool some = false;

	/* A few at a time, so that sending goes on meanwhile. */
	for (unsigned i = 0; i < 16 && !d->failed; i++) {
		struct ivsh_message message;
		int error = ivsh_chan_receive(&d->s.chan[slot], &message, d->in, d->max);

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

/*
 * The channel to (slot) may have broken while nothing came. A partner's messages are lost then, whoever
 * resets the ring; else it begins anew, and the peer can be a partner still.
 */
static void link_look(struct demo *d, uint32_t slot)
{
	const struct ivsh_chan *chan = &d->s.chan[slot];
	struct link *l = &d->link[slot];

	if (!l->active || (l->done_sent && l->done_seen) || (!l->hello_sent && !l->hello_seen))
		session_mend(&d->s, slot);
	else if (chan->dead)
		fail_channel(d, slot, IVSH_EPROTO);
	if (chan->lost == l->lost || d->failed)
		return;
	l->lost = chan->lost;
	if (!l->active || (l->done_sent && l->done_seen))
		return;
	/* Before the peer has said anything it belongs to its attach, or to ours: it may have taken
	 * what we said, so we say it again. */
	if (!l->hello_seen)
		half_begin(d, slot);
	else if (l->hello_sent)
		fail(d, slot, "its ring was reset, messages may be lost", l->seen);
}

/* Whether a partner that is here no more, or in another life, had still something to say. */
static void partner_look(struct demo *d, uint32_t slot, const struct ivsh_peer *peer)
{
	struct link *l = &d->link[slot];
	enum ivsh_presence presence = peer->presence;
	bool again = peer->boot != l->boot;

	if (l->done_seen) {
		/* Nobody leaves before it has all of ours, or has said what is wrong. */
		l->done_sent |= presence == IVSH_PEER_ABSENT || again;
	} else if (presence == IVSH_PEER_GONE) {
		if (!link_receive(d, slot))
			fail(d, slot, "it died before the end", l->seen);
	} else if (l->hello_seen) {
		if ((again || presence == IVSH_PEER_ABSENT) && !link_receive(d, slot))
			fail(d, slot,
			    again ? "it was started again before the end"
				  : "it left before the end",
			    l->seen);
	} else if (presence != IVSH_PEER_ATTACHED) {
		/* Where no server says who is here, whoever was killed seems to be, for a while. */
		l->active = false;
		d->active--;
	} else if (again) {
		half_begin(d, slot);
	}
}

/* While partners are missing, whoever is there is one; a partner that died will not finish. */
static void peers_look(struct demo *d)
{
	for (uint32_t i = 0; i < d->s.slots && !d->failed; i++) {
		struct link *l = &d->link[i];
		const struct ivsh_peer *peer;

		if (i == d->s.region.mem.self || (l->done_sent && l->done_seen))
			continue;
		peer = session_peer(&d->s, i);
		if (l->active) {
			partner_look(d, i, peer);
		} else if (peer->presence == IVSH_PEER_ATTACHED &&
			   d->active < d->s.options->peers) {
			link_begin(d, i);
			printf("%s is here\n", session_who(&d->s, i));
		}
	}
}

static bool finished(const struct demo *d)
{
	if (d->active < d->s.options->peers)
		return false;
	for (uint32_t i = 0; i < d->s.slots; i++)
		if (d->link[i].active && !(d->link[i].done_sent && d->link[i].done_seen))
			return false;
	return true;
}

static void exchange_all(struct demo *d)
{
	while (!d->failed && !finished(d)) {
		bool some = false;

		for (uint32_t i = 0; i < d->s.slots && !d->failed; i++) {
			if (i == d->s.region.mem.self)
				continue;
			link_look(d, i);
			if (d->failed)
				break;
			some |= link_receive(d, i);
			some |= link_send(d, i);
		}
		if (some)
			continue;
		peers_look(d);
		if (!session_idle(&d->s)) {
			fprintf(stderr, "ivsh: %s: %" PRIu32 " of %" PRIu32 " peers showed up\n",
			    d->name, d->active, d->s.options->peers);
			if (d->s.status == STATUS_TIMEOUT && d->active < d->s.options->peers)
				d->s.status = STATUS_NO_PEER;
			d->failed = true;
		}
	}
}

static void result_print(struct demo *d)
{
	uint64_t sent = 0, seen = 0;

	for (uint32_t i = 0; i < d->s.slots; i++) {
		sent += d->link[i].bytes_sent;
		seen += d->link[i].bytes_seen;
	}
	printf("%s: %s: sent %" PRIu64 " bytes in %" PRIu32 " messages, received %" PRIu64
	       " bytes in %" PRIu32 ": every byte verified\n",
	    d->name, session_who(&d->s, d->s.region.mem.self), sent, d->active * d->count, seen,
	    d->active * d->count);
}

static int run(const struct app_world *world, const struct options *o, struct demo *d)
{
	if (!session_open(&d->s, world, o))
		return d->s.status;
	if (o->peers >= d->s.slots) {
		fprintf(stderr,
		    "ivsh: %s: --peers=%" PRIu32 ": this region has %" PRIu32
		    " slots: at most %" PRIu32 "\n",
		    d->name, o->peers, d->s.slots, d->s.slots - 1);
		session_close(&d->s);
		return STATUS_FAILED;
	}
	d->max = d->s.region.geometry.bulk_size;
	if (d->max > SIZE_MOST)
		d->max = SIZE_MOST;
	d->link = calloc(d->s.slots, sizeof(*d->link));
	d->in = malloc(d->max);
	d->want = malloc(d->max);
	if (d->link && d->in && d->want) {
		printf("%s: here is %s on %s; waiting for %" PRIu32 " peer%s\n", d->name,
		    session_who(&d->s, d->s.region.mem.self), world->name, o->peers,
		    o->peers == 1 ? "" : "s");
		exchange_all(d);
	} else {
		fprintf(stderr, "ivsh: %s: no memory for messages of %" PRIu32 " bytes\n", d->name,
		    d->max);
		d->failed = true;
	}
	if (!d->failed)
		result_print(d);
	session_close(&d->s);
	free(d->link);
	free(d->in);
	free(d->want);
	return d->failed ? d->s.status : STATUS_DONE;
}

int demo_run(const struct app_world *world, const struct options *o)
{
	static struct demo d;

	d = (struct demo){
	    .name = "demo", .count = o->count_given ? o->count : 64, .quiet = o->quiet};
	return run(world, o, &d);
}

int stress_run(const struct app_world *world, const struct options *o)
{
	static struct demo d;

	d = (struct demo){.name = "stress",
	    .count = o->count_given ? o->count : 100000,
	    .random = true,
	    .quiet = o->quiet};
	return run(world, o, &d);
}
