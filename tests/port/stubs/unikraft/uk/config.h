/* SPDX-License-Identifier: MIT */
/*
 * uk/config.h - what Unikraft's build writes: here the configuration that uses most calls.
 */
#ifndef STUB_UK_CONFIG_H
#define STUB_UK_CONFIG_H

#define CONFIG_PAGING 1

#endif
