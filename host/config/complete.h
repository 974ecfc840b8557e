/* SPDX-License-Identifier: MIT */
/*
 * complete.h - the defaults of all options, and whether the options fit together.
 */
#ifndef COMPLETE_H
#define COMPLETE_H

#include "config/options.h"

/* The defaults; with (legacy) those of QEMU's server. */
void complete_defaults(struct options *options, bool legacy);

/* All was given: set what depends on several options. 0, or -1 after one line. */
int complete_options(struct options *options);

/*
 * Take the geometry from the file that the options name, if they name one, and say so if the memory
 * is too small for all of it. For who formats the memory: a server that takes over need not find
 * that file. 0, or -1 after one line.
 */
int complete_geometry(struct options *options);

#endif
