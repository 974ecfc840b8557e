/* SPDX-License-Identifier: MIT */
/*
 * kept.c - JetStream: its stream, and what is read from it.
 *
 * Theory of operation: the requests of JetStream's API are messages like others, and so are its
 * answers: nothing here waits. A consumer without acknowledgements delivers what was requested, in
 * order, from behind the sequence that the pair's state has, and counts them. Where one did not
 * come, and whatever else goes wrong with it, it is made again from there, and what then comes
 * twice is dropped by its number. So no state of JetStream's matters but the stream itself, and
 * numbers that are missing are missing there.
 */
#include "bridge/kept.h"
#include "bridge/events.h"
#include "bridge/far.h"
#include "bridge/near.h"
#include "bridge/reply.h"
#include "process/log.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#define ANSWER_NS UINT64_C(3000000000)  /* what an answer of the API may take */
#define AGAIN_NS UINT64_C(1000000000)   /* after a refusal */
#define BATCH 64u                       /* messages of one request */
#define EXPIRES_NS UINT64_C(2000000000) /* how long a request waits for them */
#define IDLE_NS UINT64_C(20000000000)   /* after which the server forgets a consumer */
#define PURGE_NS UINT64_C(200000000)
#define ANEW_NS UINT64_C(50000000) /* before a consumer is made again */

/* err_code of "stream name already in use with a different configuration": somebody has made it. */
#define STREAM_IS_THERE 10058u
/* And of "stream not found". */
#define STREAM_IS_GONE 10059u

/* Publish a request of the API, whose answer has (words) behind the inbox's. 0, or -1. */
static int ask(
    struct bridge *b, const char *call, const char *object, const char *words, const char *json)
{
	char subject[3 * SUBJECT_SIZE], reply[SUBJECT_SIZE];

	snprintf(subject, sizeof(subject), "$JS.API.%s.ivsh_%s%s", call, b->config->region, object);
	snprintf(reply, sizeof(reply), "%s.%s", bus_inbox(b->bus), words);
	return bus_publish(b->bus, subject, reply, NULL, json, strlen(json));
}

static int stream_make(struct bridge *b)
{
	const struct config *c = b->config;
	char json[1024];

	snprintf(json, sizeof(json),
	    "{\"name\":\"ivsh_%s\",\"subjects\":[\"ivsh.%s.*.*.*.*.*.kept\"],"
	    "\"retention\":\"limits\",\"discard\":\"new\",\"storage\":\"file\","
	    "\"max_msgs\":%" PRIu64 ",\"max_bytes\":%" PRIu64 ",\"max_age\":0,"
	    "\"max_consumers\":-1,\"max_msg_size\":-1,\"num_replicas\":1,"
	    "\"duplicate_window\":120000000000}",
	    c->region, c->region, c->stream_count, c->stream_size);
	return ask(b, "STREAM.CREATE", "", "stream", json);
}

/*
 * The sequence up to which the stream need not have the pair's frames: what was kept with a message
 * that is perhaps not in the ring does not count.
 */
static uint64_t sequence_done(const struct pair *p)
{
	const struct state_far *far = &p->state.far;

	return far->sequence - (p->is_unsure && far->is_begun == STATE_LAST && far->sequence != 0);
}

/*
 * The request's subject says what is read, so that permissions can allow a bridge what is for its
 * host alone; and no other bridge knows the name.
 */
static int consumer_make(struct bridge *b, struct pair *p)
{
	char json[1024], words[64], pattern[SUBJECT_SIZE], object[2 * SUBJECT_SIZE];
	struct consumer *c = &p->consumer;
	uint64_t random;

	if (getrandom(&random, sizeof(random), 0) != (ssize_t)sizeof(random))
		return -1;
	snprintf(c->name, sizeof(c->name), "%016" PRIx64, random);
	subject_pattern(pattern, &p->in, SUBJECT_KEPT);
	snprintf(json, sizeof(json),
	    "{\"stream_name\":\"ivsh_%s\",\"config\":{\"name\":\"%s\","
	    "\"deliver_policy\":\"by_start_sequence\","
	    "\"opt_start_seq\":%" PRIu64 ",\"ack_policy\":\"none\",\"filter_subject\":\"%s\","
	    "\"replay_policy\":\"instant\",\"inactive_threshold\":%" PRIu64 "}}",
	    b->config->region, c->name, sequence_done(p) + 1, pattern, IDLE_NS);
	snprintf(words, sizeof(words), "consumer.%u.%u", p->remote->config.slot, p->slot);
	snprintf(object, sizeof(object), ".%s.%s", c->name, pattern);
	return ask(b, "CONSUMER.CREATE", object, words, json);
}

/* What the consumer delivers behind what did not come is not taken: all of it is to come again. */
static void consumer_end(struct consumer *c, uint64_t now)
{
	c->state = CONSUMER_NONE;
	c->until_ns = now + ANEW_NS;
}

static uint32_t request_count(const struct consumer *c)
{
	return c->is_empty ? 1 : BATCH;
}

/*
 * Request as many as there is room for. The first one may be larger than that: so where a request
 * brought none, the next one is for one of any size, and that when nothing else waits.
 */
static int messages_request(struct bridge *b, struct pair *p)
{
	char json[128], words[64], object[80];
	struct consumer *c = &p->consumer;

	c->left = request_count(c);
	if (c->is_empty)
		snprintf(json, sizeof(json), "{\"batch\":1,\"expires\":%" PRIu64 "}", EXPIRES_NS);
	else
		snprintf(json, sizeof(json),
		    "{\"batch\":%u,\"max_bytes\":%" PRIu64 ",\"expires\":%" PRIu64 "}", BATCH,
		    b->config->buffer - p->waiting_bytes, EXPIRES_NS);
	snprintf(words, sizeof(words), "pull.%u.%u", p->remote->config.slot, p->slot);
	snprintf(object, sizeof(object), ".%s", c->name);
	return ask(b, "CONSUMER.MSG.NEXT", object, words, json);
}

/* Ask which stream there is, whose answer has (word) and the pair. */
static int stream_ask(struct bridge *b, const struct pair *p, const char *word)
{
	char words[64];

	snprintf(words, sizeof(words), "%s.%u.%u", word, p->remote->config.slot, p->slot);
	return ask(b, "STREAM.INFO", "", words, "");
}

/* Whether the region has something that the stream has, too. */
static bool is_done(const struct pair *p)
{
	uint64_t done = sequence_done(p);

	return done != 0 && done >= p->consumer.purged;
}

/* What came last is removed from the stream also where nothing is read from it any more. */
static bool is_purging(const struct pair *p)
{
	return p->consumer.state == CONSUMER_READY && is_done(p);
}

/*
 * What the region has is not kept any longer. First the stream is looked at: a request to purge
 * names no more than a sequence, below which another stream has what nobody has read.
 */
static void purge_begin(struct bridge *b, struct pair *p, uint64_t now)
{
	struct consumer *c = &p->consumer;

	if (!is_done(p) || now - c->purge_ns < PURGE_NS)
		return;
	if (stream_ask(b, p, "purge") == 0)
		c->purge_ns = now;
}

static void purge(struct bridge *b, struct pair *p)
{
	struct consumer *c = &p->consumer;
	uint64_t done = sequence_done(p);
	char json[512], pattern[SUBJECT_SIZE];

	if (!is_done(p))
		return;
	subject_pattern(pattern, &p->in, SUBJECT_KEPT);
	snprintf(json, sizeof(json), "{\"filter\":\"%s\",\"seq\":%" PRIu64 "}", pattern, done + 1);
	if (ask(b, "STREAM.PURGE", "", "purged", json) == 0)
		c->purged = done + 1;
}

static void consumer_step(struct bridge *b, struct pair *p, uint64_t now)
{
	struct consumer *c = &p->consumer;

	if (c->state != CONSUMER_NONE && now >= c->until_ns &&
	    (c->state != CONSUMER_READY || c->left)) {
		/* Perhaps nobody answers for the stream either, which is to be said. */
		if (c->state != CONSUMER_READY) {
			b->stream.state = CONSUMER_NONE;
			b->stream.until_ns = now;
		}
		c->state = CONSUMER_NONE;
	}
	if (c->state == CONSUMER_NONE && now >= c->until_ns && consumer_make(b, p) == 0) {
		c->state = CONSUMER_ASKED;
		c->until_ns = now + ANSWER_NS;
		c->left = 0;
		/* It comes again, and would come behind what follows it. */
		far_clear_kept(p);
	}
	if (c->state != CONSUMER_READY)
		return;
	purge_begin(b, p, now);
	if (c->left == 0 && p->waiting < BATCH &&
	    (c->is_empty ? p->waiting == 0 : p->waiting_bytes < b->config->buffer / 2)) {
		if (messages_request(b, p) == 0)
			c->until_ns = now + EXPIRES_NS + ANSWER_NS;
		else
			c->left = 0;
	}
}

/* Nobody has answered for the stream: said once. */
static void stream_silent(struct bridge *b)
{
	if (!b->is_stream_reported)
		log_event(
		    "event=stream-silent stream=ivsh_%s reason=\"the bus does not answer for it: "
		    "JetStream, or its server of the stream, does not run, or "
		    "permissions are missing\"",
		    b->config->region);
	b->is_stream_reported = true;
	b->stream.state = CONSUMER_NONE;
}

void kept_reset(struct bridge *b)
{
	b->stream.state = CONSUMER_NONE;
	b->stream.until_ns = 0;
	for (uint32_t i = 0; i < b->remote_count; i++)
		for (uint32_t k = 0; k < b->remotes[i]->pair_count; k++) {
			struct consumer *c = &b->remotes[i]->pairs[k].consumer;

			c->state = CONSUMER_NONE;
			c->until_ns = 0;
			b->remotes[i]->pairs[k].flight.retry_ns = 0;
			b->remotes[i]->pairs[k].flight.unanswered = 0;
		}
}

void kept_step(struct bridge *b, uint64_t now)
{
	bool is_wanted = false;

	for (uint32_t i = 0; i < b->remote_count; i++)
		for (uint32_t k = 0; k < b->remotes[i]->pair_count; k++)
			is_wanted |= pair_is_kept(&b->remotes[i]->pairs[k]) ||
				     b->remotes[i]->pairs[k].takes_kept ||
				     is_purging(&b->remotes[i]->pairs[k]);
	if (!is_wanted || !bus_is_up(b->bus) || b->twin.is_there)
		return;
	if (b->stream.state == CONSUMER_ASKED && now >= b->stream.until_ns)
		stream_silent(b);
	if (b->stream.state == CONSUMER_NONE && now >= b->stream.until_ns && stream_make(b) == 0) {
		b->stream.state = CONSUMER_ASKED;
		b->stream.until_ns = now + ANSWER_NS;
	}
	if (b->stream.state != CONSUMER_READY)
		return;
	for (uint32_t i = 0; i < b->remote_count; i++)
		for (uint32_t k = 0; k < b->remotes[i]->pair_count; k++)
			if (b->remotes[i]->pairs[k].takes_kept)
				consumer_step(b, &b->remotes[i]->pairs[k], now);
			else if (is_purging(&b->remotes[i]->pairs[k]))
				purge_begin(b, &b->remotes[i]->pairs[k], now);
}

/* The stream is there, or was refused. */
static void stream_answer(struct bridge *b, const struct bus_item *item, uint64_t now)
{
	const char *text = (const char *)item->data;
	uint64_t code = 0;

	if (b->stream.state != CONSUMER_ASKED)
		return;
	if (reply_has(text, item->size, "error") &&
	    (!reply_number(text, item->size, "err_code", &code) || code != STREAM_IS_THERE)) {
		if (!b->is_stream_reported)
			log_event("event=stream-refused stream=ivsh_%s answer=\"%.*s\"",
			    b->config->region, item->size < 300 ? (int)item->size : 300, text);
		b->is_stream_reported = true;
		b->stream.state = CONSUMER_NONE;
		b->stream.until_ns = now + AGAIN_NS;
		return;
	}
	(void)ask(b, "STREAM.INFO", "", "info", "");
}

/* Somebody else may have made the stream, and so that it loses what it has: said once. */
static void stream_look(struct bridge *b, const struct bus_item *item)
{
	const char *text = (const char *)item->data;
	char discard[16] = "", retention[16] = "";
	uint64_t age = 0;
	bool is_odd;

	(void)reply_word(text, item->size, "discard", discard, sizeof(discard));
	(void)reply_word(text, item->size, "retention", retention, sizeof(retention));
	(void)reply_number(text, item->size, "max_age", &age);
	is_odd = strcmp(discard, "new") != 0 || strcmp(retention, "limits") != 0 || age != 0;
	if (is_odd && !b->is_stream_odd)
		log_event(
		    "event=warning what=stream stream=ivsh_%s hint=\"it loses messages that it "
		    "has taken: it is to have discard=new, retention=limits and no max_age\"",
		    b->config->region);
	b->is_stream_odd = is_odd;
}

static void info_answer(struct bridge *b, const struct bus_item *item)
{
	uint64_t last;

	if (b->stream.state != CONSUMER_ASKED ||
	    !reply_number((const char *)item->data, item->size, "last_seq", &last))
		return;
	b->stream.state = CONSUMER_READY;
	b->is_stream_reported = false;
	stream_look(b, item);
}

static struct pair *pair_find(struct bridge *b, uint32_t slot, uint32_t local)
{
	for (uint32_t i = 0; i < b->remote_count; i++) {
		struct remote *r = b->remotes[i];

		for (uint32_t k = 0; r->config.slot == slot && k < r->pair_count; k++)
			if (r->pairs[k].slot == local)
				return &r->pairs[k];
	}
	return NULL;
}

/* JetStream gives no consumer, or no stream that it reads, and says why. */
static void consumer_refused(
    struct bridge *b, struct pair *p, const struct bus_item *item, uint64_t now)
{
	struct consumer *c = &p->consumer;
	const char *text = (const char *)item->data;
	uint64_t code;

	event_refused(p, text, item->size);
	c->state = CONSUMER_NONE;
	c->until_ns = now + AGAIN_NS;
	/* Somebody has removed it since: it is made again. */
	if (b->stream.state == CONSUMER_READY && reply_has(text, item->size, "error") &&
	    reply_number(text, item->size, "err_code", &code) && code == STREAM_IS_GONE) {
		b->stream.state = CONSUMER_NONE;
		b->stream.until_ns = now;
	}
}

static void consumer_answer(
    struct bridge *b, struct pair *p, const struct bus_item *item, uint64_t now)
{
	struct consumer *c = &p->consumer;
	const char *text = (const char *)item->data;

	if (c->state != CONSUMER_ASKED)
		return;
	if (reply_has(text, item->size, "error") ||
	    !reply_word(text, item->size, "name", c->name, sizeof(c->name))) {
		consumer_refused(b, p, item, now);
		return;
	}
	if (stream_ask(b, p, "read"))
		return; /* it is made again when its time is over */
	c->state = CONSUMER_MADE;
	c->until_ns = now + ANSWER_NS;
	c->left = 0;
	c->place = 0;
	c->is_empty = false;
}

/* Which stream there is, and its last sequence. False: JetStream says of none. */
static bool stream_read(const struct bus_item *item, uint64_t *stream, uint64_t *last)
{
	const char *text = (const char *)item->data;

	return !reply_has(text, item->size, "error") &&
	       reply_number(text, item->size, "last_seq", last) &&
	       reply_identity(text, item->size, "created", stream);
}

/*
 * Which stream the consumer reads. Somebody may have removed the last one, and made it again: its
 * sequences began at 1 again, and say nothing of where to begin here. A consumer goes with its
 * stream: so the answer to what was asked when there was a consumer is of its stream, or of one in
 * which it is none, and delivers nothing. SPEC R19.2.8
 */
static void read_answer(struct bridge *b, struct pair *p, const struct bus_item *item, uint64_t now)
{
	struct consumer *c = &p->consumer;
	uint64_t last, stream;

	if (c->state != CONSUMER_MADE)
		return;
	if (!stream_read(item, &stream, &last)) {
		consumer_refused(b, p, item, now);
		return;
	}
	c->state = CONSUMER_READY;
	if (stream == p->state.stream && p->state.far.sequence <= last)
		return;
	/* What it had is read from its beginning: what the region has of it is dropped as known. */
	if (p->state.far.sequence != 0)
		consumer_end(c, now);
	c->purged = 0;
	state_stream_keep(&p->state, stream);
}

/* Which stream is to be purged: if it is another one than what is read, that is made again. */
static void purge_answer(
    struct bridge *b, struct pair *p, const struct bus_item *item, uint64_t now)
{
	struct consumer *c = &p->consumer;
	uint64_t last, stream;

	if (c->state != CONSUMER_READY)
		return;
	if (!stream_read(item, &stream, &last))
		consumer_refused(b, p, item, now);
	else if (stream == p->state.stream)
		purge(b, p);
	else
		consumer_end(c, now);
}

/* The stream has taken the frame that is in flight, or has not, and says why. */
static void ack_answer(
    struct pair *p, uint64_t epoch, uint64_t number, const struct bus_item *item, uint64_t now)
{
	const char *text = (const char *)item->data;
	bool is_error = reply_has(text, item->size, "error");
	bool is_taken = !is_error && reply_has(text, item->size, "seq");
	char answer[304];

	near_answer(p, epoch, number, is_taken, now);
	if (is_error) {
		snprintf(
		    answer, sizeof(answer), "%.*s", item->size < 300 ? (int)item->size : 300, text);
		event_not_taken(p, answer, now);
	}
	p->is_refused_reported &= !is_taken;
}

void kept_answer(struct bridge *b, const char *words, const struct bus_item *item, uint64_t now)
{
	uint32_t slot, local;
	uint64_t number, epoch;
	struct pair *p;
	int end = -1;

	if (strcmp(words, "stream") == 0)
		stream_answer(b, item, now);
	if (strcmp(words, "info") == 0)
		info_answer(b, item);
	if (sscanf(words, "ack.%" SCNu32 ".%" SCNu32 ".%" SCNu64 ".%" SCNx64 "%n", &slot, &local,
		&number, &epoch, &end) == 4 &&
	    words[end] == '\0' && (p = pair_find(b, slot, local)) != NULL)
		ack_answer(p, epoch, number, item, now);
	if (sscanf(words, "consumer.%" SCNu32 ".%" SCNu32 "%n", &slot, &local, &end) == 2 &&
	    words[end] == '\0' && (p = pair_find(b, slot, local)) != NULL)
		consumer_answer(b, p, item, now);
	if (sscanf(words, "read.%" SCNu32 ".%" SCNu32 "%n", &slot, &local, &end) == 2 &&
	    words[end] == '\0' && (p = pair_find(b, slot, local)) != NULL)
		read_answer(b, p, item, now);
	if (sscanf(words, "purge.%" SCNu32 ".%" SCNu32 "%n", &slot, &local, &end) == 2 &&
	    words[end] == '\0' && (p = pair_find(b, slot, local)) != NULL)
		purge_answer(b, p, item, now);
	/* The request is over: it has expired, or the server says why not. */
	if (sscanf(words, "pull.%" SCNu32 ".%" SCNu32 "%n", &slot, &local, &end) == 2 &&
	    words[end] == '\0' && (p = pair_find(b, slot, local)) != NULL) {
		p->consumer.is_empty = p->consumer.left == request_count(&p->consumer);
		p->consumer.left = 0;
	}
}

/* The consumer's message in (place) is there. False: one before it did not come. */
static bool place_take(struct consumer *c, uint64_t place, uint64_t now)
{
	if (place != c->place + 1) {
		consumer_end(c, now);
		return false;
	}
	c->place = place;
	c->is_empty = false;
	if (c->left)
		c->left--;
	return true;
}

bool kept_take(struct bridge *b, struct pair *p, struct bus_item *item, uint16_t port, uint64_t now)
{
	struct consumer *c = &p->consumer;
	char name[sizeof(c->name)];
	uint64_t sequence, place;
	uint32_t waiting = p->waiting;

	if (!reply_delivery(item->reply, &sequence, &place, name, sizeof(name)) ||
	    c->state != CONSUMER_READY || strcmp(name, c->name) != 0)
		return false;
	if (!place_take(c, place, now)) {
		bus_free(item);
		return true;
	}
	if (!far_take(b, p, item, false, port, sequence, now))
		return false;
	/* There was no room for it. */
	if (p->waiting == waiting)
		consumer_end(c, now);
	return true;
}

void kept_skip(struct bridge *b, const struct bus_item *item, uint64_t now)
{
	char name[sizeof(((struct consumer *)NULL)->name)];
	uint64_t sequence, place;

	if (!reply_delivery(item->reply, &sequence, &place, name, sizeof(name)))
		return;
	for (uint32_t i = 0; i < b->remote_count; i++)
		for (uint32_t k = 0; k < b->remotes[i]->pair_count; k++) {
			struct consumer *c = &b->remotes[i]->pairs[k].consumer;

			if (c->state == CONSUMER_READY && strcmp(name, c->name) == 0)
				(void)place_take(c, place, now);
		}
}
