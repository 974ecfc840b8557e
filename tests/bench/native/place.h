/* SPDX-License-Identifier: MIT */
/*
 * place.h - where two processors stand to each other: its class, by what a ping-pong takes.
 */
#ifndef PLACE_H
#define PLACE_H

#include "tests/bench/native/slice.h"

#define CLASSES 3u

extern const char *const place_names[CLASSES];

/* The class of a slice; CLASSES if its two ping-pongs disagree: the host moved the processors. */
uint32_t place_of(const struct slice *slice);

/* The first two processors of this process. False: there is one alone. */
bool place_first(int cpus[2]);

/*
 * A pair of this process's processors for each class that one processor of theirs is in with
 * others, (pairs) of CLASSES; how many there are. 0: there is one processor alone.
 */
uint32_t place_pairs(int pairs[CLASSES][2]);

#endif
