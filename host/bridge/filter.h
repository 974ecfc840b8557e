/* SPDX-License-Identifier: MIT */
/*
 * filter.h - the filter of system calls that a bridge runs under (seccomp(2)).
 */
#ifndef BRIDGE_FILTER_H
#define BRIDGE_FILTER_H

#include <linux/filter.h>

/*
 * The program for the processor that this is compiled for; the caller does not change it. NULL: no
 * calls are listed for this architecture, or the program has a sanitizer, which makes others.
 */
const struct sock_fprog *filter_program(void);

#endif
