/* SPDX-License-Identifier: MIT */
/*
 * connecting.c - the next connection to NATS, in a thread of its own.
 */
#include "bridge/connecting.h"

#include <stdio.h>
#include <stdlib.h>

static struct connecting *connecting_of(struct opening *opening)
{
	return (struct connecting *)(void *)opening;
}

static void connecting_open(struct opening *opening)
{
	connecting_wait(connecting_of(opening));
}

static void connecting_close(struct opening *opening)
{
	struct connecting *c = connecting_of(opening);

	natsConnection_Destroy(c->next);
	connecting_free(c);
}

struct connecting *connecting_make(natsOptions *options, uint32_t count)
{
	struct connecting *c = calloc(1, sizeof(*c));

	if (c)
		c->subscriptions = calloc(count + 1, sizeof(*c->subscriptions));
	if (!c || !c->subscriptions) {
		natsOptions_Destroy(options);
		free(c);
		return NULL;
	}
	c->opening = (struct opening){.open = connecting_open, .close = connecting_close};
	c->options = options;
	return c;
}

void connecting_begin(struct connecting *c)
{
	if (opener_begin(&c->opening) == 0)
		return;
	connecting_wait(c);
	c->opening.is_done = true;
}

void connecting_wait(struct connecting *c)
{
	natsStatus status;
	const char *reason;

	for (uint32_t i = 0; i < c->count; i++)
		natsSubscription_Destroy(c->subscriptions[i]);
	natsConnection_Destroy(c->last);
	c->count = 0;
	c->last = NULL;
	if (!c->options)
		return;
	status = natsConnection_Connect(&c->next, c->options);
	if (status == NATS_OK || status == NATS_NOT_YET_CONNECTED)
		return;
	reason = nats_GetLastError(NULL);
	snprintf(c->reason, sizeof(c->reason), "%s", reason ? reason : natsStatus_GetText(status));
	c->next = NULL;
}

void connecting_free(struct connecting *c)
{
	natsOptions_Destroy(c->options);
	free(c->subscriptions);
	free(c);
}
