/* SPDX-License-Identifier: MIT */
/*
 * program.h - a program with an exit status, inside the image: arch_exit() returns here.
 */
#ifndef PROGRAM_H
#define PROGRAM_H

/*
 * Call (program), and answer its exit status: what it returns, or what it passes to exit(), however
 * deep. Buffered output is written by then. Once: newlib does not start twice.
 */
int program_run(int (*program)(void *ctx), void *ctx);

#endif
