/* SPDX-License-Identifier: MIT */
/*
 * machine.h - what lib/bare/virt needs of a machine, on the host: memory that is mapped nowhere.
 */
#ifndef MACHINE_H
#define MACHINE_H

#include <setjmp.h>
#include <stdint.h>

extern jmp_buf machine_end;      /* where virt_fatal() goes */
extern uint64_t machine_refuses; /* the address that virt_map() does not map */
extern uint64_t machine_ecam;    /* what virt_map() was asked for last as registers: */
extern uint64_t machine_ecam_size;
extern uint64_t machine_counter; /* virt_random() */
extern char machine_has_msi;

#endif
