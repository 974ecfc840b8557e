/* SPDX-License-Identifier: MIT */
/*
 * version.h - of the library and of the programs, which are released together.
 *
 * The layout of the memory has a version of its own, IVSH_WIRE_VERSION in wire.h: two releases that
 * have the same one talk to each other.
 */
#ifndef IVSH_VERSION_H
#define IVSH_VERSION_H

#define IVSH_VERSION "0.1.0"

#endif
