/* SPDX-License-Identifier: MIT */
/*
 * unistd.h - what lib/port/nuttx uses of the header of this name.
 */
#ifndef STUB_NUTTX_UNISTD_H
#define STUB_NUTTX_UNISTD_H

#include <signal.h>

pid_t getpid(void);

#endif
