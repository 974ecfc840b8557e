/* SPDX-License-Identifier: MIT */
/*
 * program.h - the conformance program: its words and its lines, once for all worlds.
 */
#ifndef CONFORMANCE_PROGRAM_H
#define CONFORMANCE_PROGRAM_H

#include <ivsh/conformance.h>
#include <ivsh/platform.h>

#include <stdint.h>

/* The exit status: as firmware/app/status.h has them for a command. */
enum program_status {
	PROGRAM_KEPT = 0,   /* no clause is broken */
	PROGRAM_BROKEN = 1, /* one is, or more */
	PROGRAM_USAGE = 2,  /* the command line is wrong */
	PROGRAM_DEVICE = 3, /* no clause is broken, but there is no such device */
};

/* What the command line says. */
struct program_words {
	uint32_t device;  /* --device=N: which ivshmem device, from 0 */
	uint32_t vectors; /* --vectors=N: that the server serves; 0: unknown */
	uint64_t late_ns; /* --late=MS: how late a sleep may end; 0: as conformance.h has it */
};

/* Take (word), if it is one of these. 1; 0: it is another; -1: it is wrong, after a line. */
int program_word(struct program_words *words, const char *word);

/*
 * A check that prints each result. memory_type: memtype_sure() of arch/memtype.h; NULL: nothing
 * knows.
 */
struct ivsh_conformance program_check(
    const struct program_words *words, const char *(*memory_type)(const void *address));

/* The counts, as the last line. Answers the exit status. */
int program_end(const struct ivsh_conformance *check);

/* The whole program of a guest: it checks (platform). Answers the exit status. */
int program_guest(int argc, char **argv, const struct ivsh_platform *platform,
    const char *(*memory_type)(const void *address));

#endif
