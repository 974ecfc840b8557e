/* SPDX-License-Identifier: MIT */
/*
 * options.h - what the server shall be: the command line, and the file that it names.
 */
#ifndef OPTIONS_H
#define OPTIONS_H

#include "backend/backend.h"

#include <ivsh/geometry.h>

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Room for what a line about an option begins with: a path, a line, a name. */
#define OPTIONS_OBJECT (PATH_MAX + 64)

#define OPTIONS_NONE UINT32_MAX /* of a user, a group, a mode: leave it as it is */

/* The settings: each is an option of the command line, and most are keys of the file. */
enum setting {
	SETTING_HELP,
	SETTING_VERSION,
	SETTING_CHECK,
	SETTING_CONFIG,
	SETTING_VERBOSE,
	SETTING_FOREGROUND,
	SETTING_DAEMON,
	SETTING_PID_FILE,
	SETTING_USER,
	SETTING_SOCKET,
	SETTING_SOCKET_MODE,
	SETTING_SOCKET_GROUP,
	SETTING_CONTROL,
	SETTING_CONTROL_GROUP,
	SETTING_ALLOW,
	SETTING_PER_UID,
	SETTING_CLIENT_DESCRIPTORS,
	SETTING_SHM,
	SETTING_HUGE,
	SETTING_FILE,
	SETTING_HUGETLB,
	SETTING_MEMORY_MODE,
	SETTING_MEMORY_GROUP,
	SETTING_MEMORY_AS_IS,
	SETTING_SIZE,
	SETTING_VECTORS,
	SETTING_SLOTS,
	SETTING_SLOT,
	SETTING_GEOMETRY,
	SETTING_LOG_SIZE,
	SETTING_SPLIT,
	SETTING_RAW,
	SETTING_CLASSIC,
	SETTINGS_COUNT
};

/* options.log_size: what the library chooses, as geometry_fit() takes it. */
#define OPTIONS_LOG_FITS UINT32_MAX

/* A slot with a socket of its own. */
struct options_slot {
	uint32_t slot;
	const char *name; /* as given, a number or a name */
	const char *socket;
	uint32_t user; /* whom the slot's part belongs to; OPTIONS_NONE: the server's user */
	uint32_t line; /* of the file, where it was given; 0: on the command line */
};

/* A user or a group that may connect, by number. */
struct options_allow {
	bool is_group;
	uint32_t id;
};

struct options {
	bool verbose;
	bool daemon;
	bool is_legacy;     /* under the name of QEMU's server */
	bool split;         /* a memory for each slot, which its peer alone writes: SPEC 17 */
	bool raw;           /* never write into the memory */
	bool classic;       /* growing IDs; clients are sent each connect and disconnect */
	const char *config; /* the file that was read; NULL: none */
	const char *text;   /* what was in it, (text_size) bytes */
	size_t text_size;
	uint32_t line[SETTINGS_COUNT]; /* there, of each setting; 0: not from there */
	bool is_check;                 /* only check the configuration */
	const char *pid_file;          /* NULL: none */
	const char *socket;            /* the common one */
	const char *control;           /* the control socket; NULL: none */
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
	bool memory_as_is;             /* with any owner and any mode */
	uint64_t size;                 /* a power of two; with (split), of all parts */
	const char *size_text;         /* as it was given; NULL: it was not */
	uint32_t slots;                /* IDs at a time: with (classic), clients */
	uint32_t vectors;              /* 0 to 2048 */
	uint32_t per_uid;              /* connections of one user, at most; UINT32_MAX: no limit */
	uint32_t client_descriptors;   /* what a client may have open: its RLIMIT_NOFILE */
	struct ivsh_geometry geometry; /* of (size) and (slots), unless raw */
	uint64_t part_size;            /* of a split region: bytes of each part, a power of two */
	uint32_t log_size;             /* of each slot, as geometry_fit() takes it */
	const char *geometry_file;     /* what complete_geometry() takes it from; NULL: none */
	struct options_slot *bound;    /* no slot twice, no socket twice */
	uint32_t bound_count;
	struct options_allow *allow; /* empty: every user that can open the socket */
	uint32_t allow_count;
	bool quiet;                   /* what was logged at the start is not logged again */
	struct options_block *blocks; /* what the strings are kept in, for options_free() */
};

/* Copy (size) bytes and a NUL, for as long as (options) exists. NULL: there is no memory. */
char *options_keep(struct options *options, const char *text, size_t size);

/* Free what parse_command_line() allocated. Harmless on zeroes, and twice. */
void options_free(struct options *options);

#endif
