/* SPDX-License-Identifier: MIT */
/*
 * stdio.h - the console.
 */
#ifndef STUB_UBOOT_STDIO_H
#define STUB_UBOOT_STDIO_H

int puts(const char *text);
int printf(const char *format, ...) __attribute__((__format__(__printf__, 1, 2)));

#endif
