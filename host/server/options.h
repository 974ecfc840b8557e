/* SPDX-License-Identifier: MIT */
/*
 * options.h - the command line.
 */
#ifndef OPTIONS_H
#define OPTIONS_H

#include "backend.h"

#include <ivsh/region.h>

#include <stdbool.h>
#include <stdint.h>

/* A slot with a socket of its own. */
struct options_slot {
	uint32_t slot;
	const char *name; /* as given, a number or a name */
	const char *socket;
};

struct options {
	bool verbose;
	bool daemon;
	bool raw;             /* never write into the memory */
	const char *pid_file; /* NULL: none */
	const char *socket;   /* the common one */
	enum backend_kind kind;
	const char *memory; /* name, path or directory for (kind); NULL for a memfd */
	uint64_t size;      /* a power of two */
	uint32_t slots;
	uint32_t vectors;              /* 0 to 2048 */
	struct ivsh_geometry geometry; /* of (size) and (slots), unless raw */
	struct options_slot *bound;    /* no slot twice, no socket twice */
	uint32_t bound_count;
	char default_socket[PATH_MAX];
};

/* options_parse() answers this when the server shall start. */
#define OPTIONS_GO (-1)

/*
 * Read the command line. Under the name ivshmem-server the defaults are those of QEMU's server.
 *
 * OPTIONS_GO, or the exit status, after the help or one line about what is wrong. What (options)
 * refers to lives as long as (argv).
 */
int options_parse(struct options *options, int argc, char **argv);

#endif
