/* SPDX-License-Identifier: MIT */
/*
 * term.h - GRUB's keyboard.
 */
#ifndef STUB_GRUB_TERM_H
#define STUB_GRUB_TERM_H

#define GRUB_TERM_CTRL 0x02000000
#define GRUB_TERM_ESC 0x1b

int grub_getkey_noblock(void);

#endif
