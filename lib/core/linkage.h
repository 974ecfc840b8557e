/* SPDX-License-Identifier: MIT */
/*
 * linkage.h - how a function is declared that another file of the library calls or hands on.
 */
#ifndef IVSH_CORE_LINKAGE_H
#define IVSH_CORE_LINKAGE_H

/*
 * Another file takes its address. In code that may run anywhere the compiler takes such an address
 * from a GOT, which somebody would have to relocate when the program starts. Of a hidden function
 * it knows that it is in the same program: its address is the distance to it. In the shared library
 * a list of symbols says what is hidden (-DHIDDEN=).
 */
#ifndef HIDDEN
#define HIDDEN __attribute__((__visibility__("hidden")))
#endif

/*
 * The fast path leaves the rest to it. It is called, also where one file is made of all: inlined,
 * it would give the fast path a frame, which costs every message.
 */
#define APART __attribute__((__noinline__))

#endif
