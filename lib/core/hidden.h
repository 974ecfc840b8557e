/* SPDX-License-Identifier: MIT */
/*
 * hidden.h - how a function is declared whose address another file takes.
 *
 * In code that may run anywhere the compiler takes such an address from a GOT, which somebody would
 * have to relocate when the program starts. Of a hidden function it knows that it is in the same
 * program: its address is the distance to it.
 */
#ifndef IVSH_CORE_HIDDEN_H
#define IVSH_CORE_HIDDEN_H

#define HIDDEN __attribute__((__visibility__("hidden")))

#endif
