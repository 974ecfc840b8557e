/* SPDX-License-Identifier: MIT */
/*
 * bench.h - what bench and its partners, sink and ack, agree on.
 */
#ifndef APP_BENCH_H
#define APP_BENCH_H

#include "app/session.h"

#include <stdbool.h>

#define BENCH_PORT 9u   /* what is streamed; 9 is also the Internet's discard (RFC 863) */
#define BENCH_VECTOR 0u /* the one that every peer with doorbells has */

/* Whether doorbells go both ways here. If not, one line on stderr. */
bool ack_possible(const struct session *session, const char *command);

#endif
