/* SPDX-License-Identifier: MIT */
/*
 * err.h - what a command of GRUB answers.
 */
#ifndef STUB_GRUB_ERR_H
#define STUB_GRUB_ERR_H

typedef enum {
	GRUB_ERR_NONE = 0,
	GRUB_ERR_BAD_DEVICE = 13,
	GRUB_ERR_BAD_ARGUMENT = 18,
	GRUB_ERR_IO = 29,
} grub_err_t;

#endif
