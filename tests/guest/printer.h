/* SPDX-License-Identifier: MIT */
/*
 * printer.h - a guest that prints a numbered text, which its slot's log keeps.
 */
#ifndef TESTS_GUEST_PRINTER_H
#define TESTS_GUEST_PRINTER_H

#include <ivsh/node.h>

/*
 * Open the first ivshmem device, attach as "printer", and print: COUNT lines (0: for ever); then
 * END is "exit", "trap", "abort", "assert", or "stay", in the
 * midst of the next line. Answers the exit status.
 */
int printer_run(int argc, char **argv);

/* From here on what is printed goes to the log of (node), too; NULL: no more. 0, or an error. */
int printer_log(struct ivsh_node *node);

/* Raise an exception of the processor. */
void printer_trap(void);

#endif
