/* SPDX-License-Identifier: MIT */
/*
 * config.h - what the configuration sets.
 */
#ifndef STUB_UBOOT_CONFIG_H
#define STUB_UBOOT_CONFIG_H

#define CONFIG_SYS_MAXARGS 64
#ifdef __aarch64__
#define CONFIG_ARM64 1
#endif

#endif
