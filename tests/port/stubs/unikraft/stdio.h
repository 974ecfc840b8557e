/* SPDX-License-Identifier: MIT */
/*
 * stdio.h - what program.c uses of Unikraft's C library.
 */
#ifndef STUB_STDIO_H
#define STUB_STDIO_H

typedef struct stub_file FILE;

extern FILE *stdout;

int fputs(const char *text, FILE *file);
int printf(const char *format, ...);

#endif
