/* SPDX-License-Identifier: MIT */
/*
 * send.c - messages from one thread to another: MESSAGES of SIZE bytes, each by a call of its own,
 * in batches of BATCH, or in place (INPLACE). A payload in an area is plain memory: the checker
 * reports a race where nothing orders it.
 *
 * A side tries TRIES times; an execution in which it fails more often is looked at no further.
 */
#include "tests/weak/world.h"

#include <pthread.h>

#ifndef MESSAGES
#define MESSAGES 2
#endif
#ifndef SIZE
#define SIZE 8
#endif
#ifndef TRIES
#define TRIES 1
#endif
#define WORDS (SIZE / 8)

static uint64_t out[MESSAGES][WORDS], in[MESSAGES][WORDS];

#ifdef BATCH
static struct ivsh_message outs[MESSAGES], ins[MESSAGES], first;
#endif

/* Send messages from number (first) on: how many. */
static uint32_t put(struct ivsh_chan *ch, unsigned first)
{
#if defined(BATCH)
	uint32_t sent = 0;

	(void)ivsh_chan_send_batch(ch, &outs[first], BATCH, &sent);
	return sent;
#elif defined(INPLACE)
	void *payload;

	if (ivsh_chan_reserve(ch, SIZE, &payload))
		return 0;
	for (unsigned w = 0; w < WORDS; w++)
		((uint64_t *)payload)[w] = out[first][w];
	CHECK(ivsh_chan_publish(ch, 1) == 0);
	return 1;
#else
	return ivsh_chan_send(ch, 1, out[first], SIZE) == 0;
#endif
}

static uint32_t take(struct ivsh_chan *ch, unsigned first)
{
#if defined(BATCH)
	uint32_t received = 0;

	(void)ivsh_chan_receive_batch(
	    ch, &ins[first], MESSAGES - first, in[first], (MESSAGES - first) * SIZE, &received);
	return received;
#elif defined(INPLACE)
	struct ivsh_message message;

	if (ivsh_chan_peek(ch, &message))
		return 0;
	for (unsigned w = 0; w < WORDS; w++)
		in[first][w] = ((const uint64_t *)message.data)[w];
	CHECK(ivsh_chan_release(ch) == 0);
	return 1;
#else
	struct ivsh_message message;

	return ivsh_chan_receive(ch, &message, in[first], SIZE) == 0;
#endif
}

static void *sender(void *arg)
{
	for (unsigned i = 0, count; i < MESSAGES; i += count) {
		count = 0;
		for (unsigned t = 0; t < TRIES && count == 0; t++)
			count = put(&ends[0].chan, i);
		__VERIFIER_assume(count != 0);
	}
	return arg;
}

static void *receiver(void *arg)
{
	for (unsigned i = 0, count; i < MESSAGES; i += count) {
		count = 0;
		for (unsigned t = 0; t < TRIES && count == 0; t++)
			count = take(&ends[1].chan, i);
		__VERIFIER_assume(count != 0);
		for (unsigned n = i; n < i + count; n++)
			for (unsigned w = 0; w < WORDS; w++)
				CHECK(in[n][w] == 100 * (n + 1) + w);
	}
	return arg;
}

int main(void)
{
	pthread_t threads[2];

	for (unsigned i = 0; i < MESSAGES; i++) {
		for (unsigned w = 0; w < WORDS; w++)
			out[i][w] = 100 * (i + 1) + w;
#ifdef BATCH
		outs[i].size = SIZE;
		outs[i].port = 1;
		outs[i].data = out[i];
#endif
	}
	world_open();
#ifdef BATCH
	/* So that a batch has credit. */
	CHECK(ivsh_chan_send(&ends[0].chan, 1, out[0], SIZE) == 0);
	CHECK(ivsh_chan_receive(&ends[1].chan, &first, in[0], SIZE) == 0);
#endif
	pthread_create(&threads[0], NULL, sender, NULL);
	pthread_create(&threads[1], NULL, receiver, NULL);
	pthread_join(threads[0], NULL);
	pthread_join(threads[1], NULL);
	return 0;
}
