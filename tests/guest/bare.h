/* SPDX-License-Identifier: MIT */
/*
 * bare.h - the parts of bare_test.elf.
 */
#ifndef TESTS_GUEST_BARE_H
#define TESTS_GUEST_BARE_H

/* mapping.c: cases. */
void test_map(void);
void test_map_rounds(void);
void test_map_shared(void);
void test_map_no_memory(void);

/* actions.c: each answers the exit status. */
int act_trap(const char *what);
int act_device(void);
int act_plug(void);

#endif
