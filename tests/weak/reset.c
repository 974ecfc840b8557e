/* SPDX-License-Identifier: MIT */
/*
 * reset.c - a receiver that has found damage resets the channel while the sender sends: CALLS calls
 * of each side, however they meet. What is delivered was sent behind the reset, whole. With DEEP
 * only those executions are looked at in which the first call of each side gets ahead: the sender's
 * answers the request, the receiver's follows, and the second ones send and deliver a message.
 */
#include "tests/weak/world.h"

#include <pthread.h>

#ifndef CALLS
#define CALLS 3
#endif
#ifndef SIZE
#define SIZE 8
#endif
#define WORDS (SIZE / 8)

static uint64_t out[CALLS + 1][WORDS], in[WORDS];

/* The numbers of messages, in their order. */
static void *sender(void *arg)
{
	struct ivsh_chan *ch = &ends[0].chan;

#ifdef DEEP
	int error;

	(void)ivsh_chan_send(ch, 1, out[1], SIZE);
	__VERIFIER_assume(ch->tx.reset_ack == 1);
	error = ivsh_chan_send(ch, 1, out[2], SIZE);
	CHECK(error == 0 || error == IVSH_EAGAIN);
	__VERIFIER_assume(error == 0);
#else
	for (unsigned i = 1; i <= CALLS; i++)
		(void)ivsh_chan_send(ch, 1, out[i], SIZE);
#endif
	CHECK(!ch->dead);
	return arg;
}

static void *receiver(void *arg)
{
	struct ivsh_chan *ch = &ends[1].chan;
	struct ivsh_message message;
	uint64_t last = 0;

	ch->rx.broken = ch->dead = true;
	CHECK(ivsh_chan_reset(ch) == 0);
	for (unsigned i = 0; i < CALLS; i++) {
		int error = ivsh_chan_receive(ch, &message, in, SIZE);

		CHECK(error == 0 || error == IVSH_EAGAIN);
#ifdef DEEP
		__VERIFIER_assume(ch->rx.generation_ack == 1 && (error == 0 || i == 0));
#endif
		if (error)
			continue;
		/* Nothing of the generation in which the damage was. */
		CHECK(!ch->rx.waiting && ch->rx.generation_ack == 1);
		CHECK(in[0] > last);
		for (unsigned w = 0; w < WORDS; w++)
			CHECK(in[w] == in[0] + w);
		last = in[0];
	}
	CHECK(!ch->dead);
	return arg;
}

int main(void)
{
	pthread_t threads[2];

	for (unsigned i = 1; i <= CALLS; i++)
		for (unsigned w = 0; w < WORDS; w++)
			out[i][w] = 100 * i + w;
	world_open();
	/* Damage: a message that the receiver does not take. */
	CHECK(ivsh_chan_send(&ends[0].chan, 1, out[1], SIZE) == 0);
#ifdef DEEP
	ends[0].chan.tx.credit_end = ends[0].chan.tx.head; /* it looks for requests first */
#endif
	pthread_create(&threads[0], NULL, sender, NULL);
	pthread_create(&threads[1], NULL, receiver, NULL);
	pthread_join(threads[0], NULL);
	pthread_join(threads[1], NULL);
	return 0;
}
