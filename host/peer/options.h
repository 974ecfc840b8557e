/* SPDX-License-Identifier: MIT */
/*
 * options.h - the command line.
 */
#ifndef OPTIONS_H
#define OPTIONS_H

#include <ivsh/region.h>

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

/* How many servers a command may have at once. */
#define OPTIONS_SOCKETS 8

struct options {
	const char *socket;                   /* of the server; NULL: a plain file is used */
	const char *sockets[OPTIONS_SOCKETS]; /* each -S, in order; socket is the last one */
	unsigned socket_count;
	const char *file; /* NULL: a server is used */
	uint32_t slot;    /* IVSH_SELF_NONE: not given */
	const char *name; /* at most 31 printable ASCII characters; NULL: none */
	bool fresh;
	bool raw_output;
	bool count_given;
	bool port_given;
	bool timeout_given;
	uint32_t count;
	uint32_t size; /* 64, unless given */
	uint16_t port;
	enum ivsh_wait_mode wait; /* IVSH_WAIT_SPIN, unless given */
	uint64_t timeout_ns;

	char **word; /* what is no option, in order: the command first */
	unsigned words;
	uint64_t given; /* bit (letter - 'A') for each option in options_letter() that was given */
	char default_socket[PATH_MAX];
};

/* options_parse() answers this when there is a command to run. */
#define OPTIONS_GO (-1)

/*
 * Read the command line. OPTIONS_GO; or the exit status after --version or one line about what is
 * wrong. Help is left to the caller: *help. What (options) refers to lives as long as (argv).
 */
int options_parse(struct options *options, int argc, char **argv, bool *help);

/* The name of an option that was given and is not among (letters); NULL: there is none. */
const char *options_stranger(const struct options *options, const char *letters);

/* What --wait calls (mode). */
const char *options_wait_name(enum ivsh_wait_mode mode);

/* A whole number within [least, most], decimal or 0x. False for anything else. */
bool options_number(const char *text, uint64_t least, uint64_t most, uint64_t *value);

#endif
