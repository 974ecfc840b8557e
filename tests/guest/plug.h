/* SPDX-License-Identifier: MIT */
/*
 * plug.h - a guest whose ivshmem devices are unplugged and plugged in while it runs.
 */
#ifndef TESTS_GUEST_PLUG_H
#define TESTS_GUEST_PLUG_H

/*
 * Open every ivshmem device, and answer in its memory; close those that leave and open those that
 * are added. Prints a line for each step, and ends only with a failure: the exit status.
 */
int plug_run(void);

/* Called after each open. Bare metal: print where the heap ends, as page tables are taken there. */
void plug_print_heap(void);

#endif
