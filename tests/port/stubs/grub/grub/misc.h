/* SPDX-License-Identifier: MIT */
/*
 * misc.h - what a module of GRUB prints with.
 */
#ifndef STUB_GRUB_MISC_H
#define STUB_GRUB_MISC_H

int grub_printf(const char *format, ...) __attribute__((__format__(__printf__, 1, 2)));

#endif
