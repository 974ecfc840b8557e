/* SPDX-License-Identifier: MIT */
/*
 * options.h - what the server shall be: the command line, and the file that it names.
 */
#ifndef OPTIONS_H
#define OPTIONS_H

#include "backend/backend.h"

#include <ivsh/region.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define OPTIONS_SETTINGS 30     /* of settings_long */
#define OPTIONS_NONE UINT32_MAX /* of a user, a group, a mode: leave it as it is */

/* A slot with a socket of its own. */
struct options_slot {
	uint32_t slot;
	const char *name; /* as given, a number or a name */
	const char *socket;
	uint32_t line; /* of the file, where it was given; 0: on the command line */
};

/* Who may connect: a user or a group, by number. */
struct options_allow {
	bool is_group;
	uint32_t id;
};

struct options {
	bool verbose;
	bool daemon;
	bool is_legacy;     /* under the name of QEMU's server */
	bool raw;           /* never write into the memory */
	bool classic;       /* growing IDs, with connect and disconnect notices */
	const char *config; /* the file that was read; NULL: none */
	const char *text;   /* what was in it, (text_size) bytes */
	size_t text_size;
	uint32_t line[OPTIONS_SETTINGS]; /* there, of each setting; 0: not from there */
	bool is_check;                   /* only look whether all is right */
	const char *pid_file;            /* NULL: none */
	const char *socket;              /* the common one */
	const char *control;             /* the control socket; NULL: none */
	uint32_t socket_mode; /* of the sockets of clients; OPTIONS_NONE: what umask leaves */
	uint32_t socket_group;
	uint32_t control_group; /* the control socket is 0600, with a group 0660 */
	uint32_t user;          /* whom the serving process becomes, with (group) */
	uint32_t group;
	enum backend_kind kind;
	const char *memory;   /* name, path or directory for (kind); NULL for a memfd */
	uint64_t huge_page;   /* page size of BACKEND_HUGETLB */
	uint32_t memory_mode; /* of a named object or file that we make; OPTIONS_NONE: 0600 */
	uint32_t memory_group;
	uint32_t memory_most;          /* of one that exists, where no mode is given; 0: 0600 */
	bool memory_as_is;             /* whoever owns it, and whatever its mode */
	uint64_t size;                 /* a power of two */
	uint32_t slots;                /* IDs at a time: with (classic), clients */
	uint32_t vectors;              /* 0 to 2048 */
	uint32_t per_uid;              /* connections of one user, at most; UINT32_MAX: no limit */
	uint32_t client_descriptors;   /* what a client may have open: its RLIMIT_NOFILE */
	struct ivsh_geometry geometry; /* of (size) and (slots), unless raw */
	struct options_slot *bound;    /* no slot twice, no socket twice */
	uint32_t bound_count;
	struct options_allow *allow; /* empty: everybody who can open the socket */
	uint32_t allow_count;
	bool quiet;                   /* what needs no second saying is not said */
	struct options_block *blocks; /* what the strings are kept in, for options_free() */
};

/* options_parse() answers this when the server shall start. */
#define OPTIONS_GO (-1)
#define OPTIONS_WRONG 2 /* the exit status after a wrong option */

/*
 * Read the command line, and before it the file that --config names: what the command line says
 * counts, and --slot and --allow add to those of the file. Under the name ivshmem-server the
 * defaults are those of QEMU's server. (argv) is left as it is, but for the order of its words, and
 * nothing points into it.
 *
 * (config) is -1 at the start. In a server that takes over from one that died it is a descriptor
 * with what was in the file, and the file is not opened; nothing is read if no file was named. What
 * was said at the start, that a size is rounded up, is not said again then.
 *
 * OPTIONS_GO, or the exit status, after the help or one line about what is wrong, and with nothing
 * to free.
 */
int options_parse(struct options *options, int argc, char **argv, int config);

/* Copy (size) bytes and a NUL, for as long as (options) lives. NULL: there is no memory. */
char *options_keep(struct options *options, const char *text, size_t size);

/* Give back what options_parse() allocated. Harmless on zeroes, and twice. */
void options_free(struct options *options);

#endif
