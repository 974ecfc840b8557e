/* SPDX-License-Identifier: MIT */
/*
 * own.h - options of the host's own commands that several of them have: --output, --time, --json.
 */
#ifndef PEER_OWN_H
#define PEER_OWN_H

#include <stdbool.h>
#include <stdint.h>

/* Take --output and --time. False after a line. */
bool own_output_take(const char *text);
bool own_time_take(const char *text);

/* As given; NULL: not given. */
const char *own_output(void);
const char *own_time(void);

/* --time as a number of seconds, or a part of one, up to (most). False after a line. */
bool own_time_parse(const char *command, uint32_t most, uint64_t *ns);

#endif
