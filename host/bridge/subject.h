/* SPDX-License-Identifier: MIT */
/*
 * subject.h - the subjects of NATS that a bridge publishes and subscribes to.
 *
 *	ivsh.REGION.HOST.PEER.PORT.TO_HOST.TO_PEER          a message, at most once
 *	ivsh.REGION.HOST.PEER.PORT.TO_HOST.TO_PEER.kept     a message for JetStream
 *	ivsh.REGION.HOST.PEER.state.TO_HOST.TO_PEER         the state of the sender
 *
 * The sender stands first, so that permissions of NATS can bind a bridge's credentials to its own
 * host: publish ivsh.REGION.HOST.>. What JetStream keeps has one word more, so that its stream,
 * which is a pattern of subjects, takes nothing of the others.
 */
#ifndef BRIDGE_SUBJECT_H
#define BRIDGE_SUBJECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SUBJECT_NAME 32u  /* bytes of a name with its NUL */
#define SUBJECT_SIZE 256u /* bytes of the longest subject with its NUL */

/* Who speaks to whom. Names: as subject_is_name() says. */
struct subject_pair {
	char region[SUBJECT_NAME];
	char host[SUBJECT_NAME], peer[SUBJECT_NAME];
	char to_host[SUBJECT_NAME], to_peer[SUBJECT_NAME];
};

enum subject_kind {
	SUBJECT_MESSAGE,
	SUBJECT_KEPT,
	SUBJECT_STATE,
};

/* Whether (text) is a name: 1 to 31 of A-Z, a-z, 0-9, _ and -. */
bool subject_is_name(const char *text);

/* Write the subject of a message on (port), or of a state, to (out). */
void subject_make(
    char out[SUBJECT_SIZE], const struct subject_pair *pair, enum subject_kind kind, uint16_t port);

/* Write the pattern for all ports of a pair's messages, kept or not, to (out). */
void subject_pattern(
    char out[SUBJECT_SIZE], const struct subject_pair *pair, enum subject_kind kind);

/*
 * Read a subject that came from the bus. False: it is none of these three, in every byte: a port
 * is decimal, without zeroes before it, 0 to 65535.
 */
bool subject_read(
    const char *subject, struct subject_pair *pair, enum subject_kind *kind, uint16_t *port);

/* Whether the two pairs are the same. */
bool subject_is_same(const struct subject_pair *a, const struct subject_pair *b);

#endif
