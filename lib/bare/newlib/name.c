/* SPDX-License-Identifier: MIT */
/*
 * name.c - argv[0] of programs that give themselves no name. The linker takes this file from the
 * archive only if it must.
 */
#include "bare/newlib/bare.h"

const char bare_name[] = "guest";
