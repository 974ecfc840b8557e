/* SPDX-License-Identifier: MIT */
/*
 * bare.h - what a program over newlib tells the start code.
 */
#ifndef BARE_H
#define BARE_H

/* argv[0] of the program, which may define it; otherwise it is "guest" (name.c). */
extern const char bare_name[];

#endif
