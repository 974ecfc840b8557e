/* SPDX-License-Identifier: MIT */
/*
 * printk.h - what the program in the port's README.md uses of Zephyr's header of this name.
 */
#ifndef STUB_ZEPHYR_PRINTK_H
#define STUB_ZEPHYR_PRINTK_H

static inline void printk(const char *format, ...)
{
	(void)format;
}

#endif
