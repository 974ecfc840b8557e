/* SPDX-License-Identifier: MIT */
/*
 * name.c - argv[0] of a program that does not define bare_name. The linker takes this file from the
 * archive only then.
 */
#include "bare/newlib/bare.h"

const char bare_name[] = "guest";
