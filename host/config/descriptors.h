/* SPDX-License-Identifier: MIT */
/*
 * descriptors.h - whether the descriptors suffice, the server's and its clients'.
 */
#ifndef DESCRIPTORS_H
#define DESCRIPTORS_H

#include "config/options.h"

/*
 * Count the descriptors that (options) take. The server's: raise RLIMIT_NOFILE's soft limit if need
 * be. A client's: believe options->client_descriptors. 0, or -1 after one line with the sum.
 */
int descriptors_check(const struct options *options);

/*
 * How many clients at a time both limits allow, options->slots aside: at most 1024, at least 1, so
 * that descriptors_check() is the one to refuse.
 */
uint32_t descriptors_slots(const struct options *options);

#endif
