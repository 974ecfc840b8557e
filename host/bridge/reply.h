/* SPDX-License-Identifier: MIT */
/*
 * reply.h - what a bridge needs of JetStream's answers: a few words of their JSON.
 *
 * They come from the bus, so nothing is believed of their form: a text without the word answers
 * that it is not there.
 */
#ifndef BRIDGE_REPLY_H
#define BRIDGE_REPLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Whether the (size) bytes at (text) have a member (key). */
bool reply_has(const char *text, size_t size, const char *key);

/* The number that is member (key): the first one of that name. False: there is none. */
bool reply_number(const char *text, size_t size, const char *key, uint64_t *value);

/* The text that is member (key), of letters, digits, - and _, below (room) bytes. */
bool reply_word(const char *text, size_t size, const char *key, char *word, size_t room);

/* A number for the text that is member (key), whatever is in it: another one for another text, but
 * for one in 2^64, and never 0. */
bool reply_identity(const char *text, size_t size, const char *key, uint64_t *identity);

/*
 * What the subject says to which a delivered message is acknowledged, $JS.ACK and 7 words or 9 to
 * 10 behind it: the message's sequence in the stream, its place among all that the consumer
 * delivers, from 1, and the consumer's name, below (room) bytes. False: it is none.
 */
bool reply_delivery(
    const char *subject, uint64_t *sequence, uint64_t *place, char *consumer, size_t room);

#endif
