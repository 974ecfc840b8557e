/* SPDX-License-Identifier: MIT */
/*
 * near.h - messages of local peers for a remote one: from the ring to the bus.
 */
#ifndef BRIDGE_NEAR_H
#define BRIDGE_NEAR_H

#include "bridge/parts.h"

/* (p) is new here, or has lost its state: begin to count, in an epoch of its own. */
void near_begin(struct pair *p);

/* The mode of (p) is another one: what is under way is sent again in that, until it is noted. */
void near_change(struct pair *p);

/* The remote peer of (p) was attached just now: find out what was sent before. */
void near_attach(struct pair *p);

/*
 * Send the next messages, if there are any and the bus takes them. Answers whether something was
 * done, so that another call may do more.
 */
bool near_step(struct bridge *b, struct pair *p, uint64_t now);

/* JetStream has answered for the frame from message (number) of (epoch) on: it has it, or not. */
void near_answer(struct pair *p, uint64_t epoch, uint64_t number, bool is_taken, uint64_t now);

/* The other bridge has said which messages of (p) are in its region. */
void near_received(struct pair *p, const struct frame_received *received);

/* The numbers of (p) may have been given to other messages: another epoch begins. */
void near_renew(struct pair *p);

/* A number that nobody else has: not 0. */
uint64_t near_epoch_draw(void);

/* Whether messages of the local peer wait here, or may. */
bool near_has_more(const struct pair *p);

#endif
