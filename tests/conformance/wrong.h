/* SPDX-License-Identifier: MIT */
/*
 * wrong.h - platforms that break one clause each: the real one, with one call that is wrong.
 */
#ifndef WRONG_H
#define WRONG_H

#include <ivsh/platform.h>

/* A mistake: what it does to a copy of the real platform, and the clauses that it breaks. */
struct wrong {
	const char *name;
	void (*make)(struct ivsh_platform *platform);
	const char *broken;  /* "D3.1 D3.5"; "": none */
	const char *riscv64; /* the same there, if it differs; NULL: it does not */
};

extern const struct wrong wrong_clock[], wrong_sleep[], wrong_device[]; /* a NULL name ends each */

/* Platforms that crash the machine, or hang it, in the check of the clause that they break. */
extern const struct wrong wrong_fatal[];

/* The platform that the wrong ones are made of. */
extern const struct ivsh_platform *real;

#endif
