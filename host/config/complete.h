/* SPDX-License-Identifier: MIT */
/*
 * complete.h - what holds when the command line says nothing, and whether it all fits together.
 */
#ifndef COMPLETE_H
#define COMPLETE_H

#include "config/options.h"

/* The defaults; with (legacy) those of QEMU's server. */
void complete_defaults(struct options *options, bool legacy);

/* All was given: set what depends on several options. 0, or -1 after one line. */
int complete_options(struct options *options);

#endif
