/* SPDX-License-Identifier: MIT */
/*
 * config.h - what lib/port/nuttx uses of NuttX's generated header of this name: the values of its
 * own Kconfig.
 */
#ifndef STUB_NUTTX_CONFIG_H
#define STUB_NUTTX_CONFIG_H

#define CONFIG_IVSH_NAME "nuttx"

#endif
