/* SPDX-License-Identifier: MIT */
/*
 * console.h - the key that ends a command.
 */
#ifndef STUB_UBOOT_CONSOLE_H
#define STUB_UBOOT_CONSOLE_H

int ctrlc(void);

#endif
