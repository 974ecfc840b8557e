/* SPDX-License-Identifier: MIT */
/*
 * events.h - lines of the log that a stranger on the bus, a local peer, or a flood can cause: one a
 * second for each pair, or remote peer, and kind of event. See say.h.
 */
#ifndef BRIDGE_EVENTS_H
#define BRIDGE_EVENTS_H

#include "bridge/parts.h"

#include <stddef.h>
#include <stdint.h>

/* (count) messages for the local peer are lost, for a reason. */
void event_lost(struct pair *p, enum loss loss, uint64_t count);

/* What has happened between the local peer and the remote one. */
void event_plain(struct pair *p, enum plain event);

/* JetStream does not take what was sent, and answers so: said once, until it takes one. */
void event_not_taken(struct pair *p, const char *answer, uint64_t now);

/* JetStream refuses to deliver, in these words. */
void event_refused(struct pair *p, const char *answer, size_t size);

/* The remote peer has its slot, or has none any more; reason: text that stays. */
void event_attach(struct remote *r);
void event_detach(struct remote *r, const char *reason);

/* Something came that no slot is mapped for, or of another form. */
void event_unknown(struct bridge *b);

/* The bus takes no message that is as large as a state. */
void event_payload(struct bridge *b);

/* Write the lines that are due; now = SAY_ALL: all that are left, at the end. */
void events_pair(struct pair *p, uint64_t now);
void events_remote(struct remote *r, uint64_t now);
void events_bridge(struct bridge *b, uint64_t now);

#endif
