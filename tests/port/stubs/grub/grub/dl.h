/* SPDX-License-Identifier: MIT */
/*
 * dl.h - what makes a module of GRUB; its loader wants the license, and looks for two functions.
 */
#ifndef STUB_GRUB_DL_H
#define STUB_GRUB_DL_H

typedef struct grub_dl *grub_dl_t;

#define GRUB_MOD_LICENSE(license)               \
	static const char grub_module_license[] \
	    __attribute__((__section__(".module_license"), __used__)) = "LICENSE=" license;
#define GRUB_MOD_DUAL_LICENSE(license)
#define GRUB_MOD_INIT(name)                                                  \
	static void grub_mod_init(grub_dl_t self) __attribute__((__used__)); \
	static void grub_mod_init(grub_dl_t self __attribute__((__unused__)))
#define GRUB_MOD_FINI(name)                                        \
	static void grub_mod_fini(void) __attribute__((__used__)); \
	static void grub_mod_fini(void)

#endif
