/* SPDX-License-Identifier: MIT */
/*
 * options.h - a command's words and options, parsed once.
 */
#ifndef APP_OPTIONS_H
#define APP_OPTIONS_H

#include "app/world.h"

#include <ivsh/channel.h>
#include <ivsh/wait.h>

#include <stddef.h>

/* Which option: a command takes a set of them. */
enum {
	OPTION_HELP = 1 << 0,
	OPTION_VERSION = 1 << 1,
	OPTION_PLACE = 1 << 2, /* all that a world has of its own */
	OPTION_SLOT = 1 << 3,
	OPTION_SLOTS = 1 << 4,
	OPTION_NAME = 1 << 5,
	OPTION_DISCARD = 1 << 6,
	OPTION_TIMEOUT = 1 << 7,
	OPTION_WAIT = 1 << 8,
	OPTION_SPIN = 1 << 9,
	OPTION_PORT = 1 << 10,
	OPTION_COUNT = 1 << 11,
	OPTION_SIZE = 1 << 12,
	OPTION_PEER = 1 << 13,
	OPTION_PEERS = 1 << 14,
	OPTION_QUIET = 1 << 15,
	OPTION_RAW = 1 << 16,
	OPTION_KEEP_GOING = 1 << 17,
	OPTION_GEOMETRY = 1 << 18, /* of the host: mem create */
	OPTION_TUNE = 1 << 19,     /* of the host: what tune alone has */
	OPTION_CAPTURE = 1 << 20,  /* of the host: what capture alone has */
	OPTION_TIME = 1 << 21,     /* of the host: tune, capture */
	OPTION_OUTPUT = 1 << 22,   /* of the host: tune, capture */
	OPTION_CONSOLE = 1 << 23,  /* of guests: commands that stay */
	OPTION_NO_LOG = 1 << 24,   /* of guests: commands that attach */
	OPTION_DUMP = 1 << 25,     /* of the host: what dump alone has */
	OPTION_JSON = 1 << 26,
	OPTION_BELL = 1 << 27,    /* what bell alone has */
	OPTION_FORWARD = 1 << 28, /* of the host: cat, serve, forward */
	OPTION_FORCE = 1 << 29,   /* of the host: mem rm */
	OPTION_BENCH = 1 << 30,   /* what bench alone has */
};

/* An enum has no room for these. */
#define OPTION_LOG (UINT64_C(1) << 32)      /* of the host: what log alone has */
#define OPTION_EXPOSE (UINT64_C(1) << 33)   /* of the host: info --prometheus */
#define OPTION_INTERVAL (UINT64_C(1) << 34) /* bell, top */
#define OPTION_TOP (UINT64_C(1) << 35)      /* of the host: what top alone has */
#define OPTION_SPLIT (UINT64_C(1) << 36)    /* of the host: mem create */
#define OPTION_ONE_WAY (UINT64_C(1) << 37)  /* commands that attach */

struct options {
	char **word; /* what is no option, in order: the command first */
	unsigned words;
	uint64_t given; /* OPTION_* of each option that was given */

	uint32_t slot;    /* --slot: our slot if no server assigns one; IVSH_SELF_NONE: not given */
	uint32_t slots;   /* --slots: slots to format with, when slot 0 has to */
	const char *name; /* --name: at most 31 printable ASCII characters; NULL: none */
	bool discard;     /* --discard-backlog: drop what was sent to the slot before */
	uint8_t one_way[IVSH_WIRE_SLOTS_MAX]; /* --send-only, --receive-only: of each slot */
	uint32_t one_way_slots;   /* above the largest slot that one of them names by number */
	uint64_t timeout_ns;      /* --timeout: 0: none */
	enum ivsh_wait_mode wait; /* --wait */
	uint64_t spin_ns;         /* --spin */
	uint16_t port;            /* --port, or the command's */
	uint32_t count;           /* --count */
	uint32_t size;            /* --size, in bytes */
	const char *peer;         /* --peer: a number or a name; NULL: not given */
	uint32_t peers;           /* --peers: how many others take part */
	bool quiet;               /* --quiet: the summary only */
	bool json;                /* --json: what goes to standard output is objects of JSON */
	bool raw_output;          /* --raw-output: the bytes and nothing else */
	bool keep_going;          /* --keep-going: wait for the next incarnation of a peer */
	bool histogram;           /* --histogram: of the times */
	uint32_t vector;          /* --vector: of a peer */
	uint64_t interval_ns;     /* --interval: between two doorbells, or looks; 0: none */
	bool console;             /* --console: offer what is printed as a service */
	bool no_log;              /* --no-log: the region's log does not keep it */
};

/* The kind of an option's value, and the type of its field. */
enum option_kind {
	OPTION_FLAG,    /* none; a bool */
	OPTION_TEXT,    /* a const char * */
	OPTION_LABEL,   /* a const char * that can be a peer's name */
	OPTION_MODE,    /* an enum ivsh_wait_mode */
	OPTION_U16,     /* a number, a uint16_t */
	OPTION_U32,     /* a number, a uint32_t */
	OPTION_MICROS,  /* a number of microseconds, a uint64_t of nanoseconds */
	OPTION_SECONDS, /* a number of seconds, or a part of one, a uint64_t of nanoseconds */
	OPTION_WAYS,    /* slots, for which (most) goes into (one_way) */
	OPTION_OWN,     /* a world's: take() knows */
};

/* A row of a table of options. */
struct option {
	const char *name;    /* without the dashes */
	const char *letters; /* its short forms; "": none */
	const char *value;   /* what help calls its value; NULL: it takes none */
	const char *help;    /* NULL: help leaves it out */
	uint64_t bit;        /* OPTION_* */
	enum option_kind kind;
	size_t offset;                  /* of the field in struct options */
	uint64_t least, most;           /* of a number */
	bool (*take)(const char *text); /* OPTION_OWN; false after one line on stderr */
};

/*
 * Parse argv behind the program's name, options of (own) among it: --option=VALUE, --option VALUE,
 * -o VALUE, or -oVALUE; behind "--" all are words. Moves the words to argv[1] and on. What
 * (options) refers to is valid as long as (argv). 0; or -1 after one line on stderr.
 */
int options_parse(struct options *options, const struct option *own, int argc, char **argv);

/* The name of an option that was given and is not in (set); NULL: there is none. */
const char *options_stranger(const struct options *options, const struct option *own, uint64_t set);

/* Print a line or two for each option. */
void options_print(const struct option *own);

/* What --wait calls (mode). */
const char *options_wait_name(enum ivsh_wait_mode mode);

/* A whole number within [least, most]; decimal or 0x. False for anything else. */
bool options_number(const char *text, uint64_t least, uint64_t most, uint64_t *value);

#endif
