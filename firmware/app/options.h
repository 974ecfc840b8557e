/* SPDX-License-Identifier: MIT */
/*
 * options.h - a command's words and options, parsed once.
 */
#ifndef APP_OPTIONS_H
#define APP_OPTIONS_H

#include <ivsh/region.h>

#include <stdbool.h>
#include <stdint.h>

#define OPTIONS_WORDS 16

/* One --device. */
struct options_device {
	const char *text; /* as it was given; NULL: it was not */
	bool is_place;    /* a bus address: number is an IVSH_PCI_FUNCTION() */
	uint32_t number;  /* else which ivshmem device, from 0 */
};

/* How many devices a command may have at once. */
#define OPTIONS_DEVICES 8

struct options {
	const char *word[OPTIONS_WORDS]; /* what is no option: the command first */
	unsigned words;
	struct options_device device; /* --device=N or BUS ADDRESS: the last one */
	struct options_device devices[OPTIONS_DEVICES]; /* each of them, in order */
	unsigned device_count;
	bool slot_given; /* --slot=N: who we are on ivshmem-plain */
	uint32_t slot;
	uint32_t slots;   /* --slots=N: slots to format with, when slot 0 has to */
	const char *name; /* --name=TEXT */
	bool fresh;       /* --fresh: drop what was left for an earlier life */
	const char *peer; /* --peer=ID or name; NULL: the first one that is there */
	uint32_t peers;   /* --peers=N: how many others take part */
	bool count_given;
	uint32_t count;           /* --count=N */
	uint32_t size;            /* --size=BYTES */
	uint16_t port;            /* --port=N */
	uint64_t timeout_ns;      /* --timeout=SECONDS; 0: none */
	enum ivsh_wait_mode wait; /* --wait=poll, spin or sleep */
	bool spin_given;
	uint64_t spin_ns; /* --spin=MICROSECONDS: how long --wait=spin looks before it sleeps */
	uint32_t vectors; /* --vectors=N: MSI-X vectors to take at most; 0: none, and poll */
	bool quiet;       /* --quiet: the summary only */
	bool help;        /* --help, -h, -? */
	bool version;     /* --version, -v */
};

/*
 * Parse argv behind the program's name: options as --option=VALUE, or with the value in a word of its own;
 * behind "--" all are words. On a bad option: one line on stderr, and false.
 */
bool options_parse(struct options *options, int argc, char **argv);

/* What --wait calls (mode). */
const char *options_wait_name(enum ivsh_wait_mode mode);

/* A whole number within [least, most]; decimal or 0x. False for anything else. */
bool options_number(const char *text, uint64_t least, uint64_t most, uint64_t *value);

#endif
