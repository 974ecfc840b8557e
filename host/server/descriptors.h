/* SPDX-License-Identifier: MIT */
/*
 * descriptors.h - whether the descriptors suffice.
 */
#ifndef DESCRIPTORS_H
#define DESCRIPTORS_H

#include "options.h"

/*
 * Count the descriptors that (options) take, and raise RLIMIT_NOFILE's soft limit to that if need
 * be. 0, or -1 after one line with the sum.
 */
int descriptors_check(const struct options *options);

#endif
