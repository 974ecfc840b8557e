/* SPDX-License-Identifier: MIT */
/*
 * sums.h - a guest at the other end of tests/host/looper.c.
 */
#ifndef TESTS_GUEST_SUMS_H
#define TESTS_GUEST_SUMS_H

/*
 * Open the first ivshmem device, attach as "server", and do once what looper.c asks for: send back
 * a stream, or send bytes. Answers the exit status, after a line.
 */
int sums_run(void);

#endif
