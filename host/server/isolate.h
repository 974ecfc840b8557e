/* SPDX-License-Identifier: MIT */
/*
 * isolate.h - giving up what serving does not need.
 */
#ifndef ISOLATE_H
#define ISOLATE_H

#include "options.h"

/*
 * Become the user that (options) name, and give up all but serving. Should: serve. Mustn't, from
 * here on: name anything in a file system, make sockets or connect them, start programs, trace or
 * signal others, gain privileges. 0, or -1 after one line.
 */
int isolate(const struct options *options);

#endif
