/* SPDX-License-Identifier: MIT */
/*
 * sums.h - a guest at the other end of tests/host/looper.c.
 */
#ifndef TESTS_GUEST_SUMS_H
#define TESTS_GUEST_SUMS_H

/*
 * Open the first ivshmem device, attach as "server", and do once what looper.c asks for: send back
 * a stream, or send bytes. With the words NAME pull PEER N: attach as NAME, and ask PEER for N
 * bytes; with NAME alone, do as the server under that name. Answers the exit status, after a line.
 */
int sums_run(int argc, char **argv);

#endif
