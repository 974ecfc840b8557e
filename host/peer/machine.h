/* SPDX-License-Identifier: MIT */
/*
 * machine.h - what this machine is, for a reader.
 */
#ifndef PEER_MACHINE_H
#define PEER_MACHINE_H

#define MACHINE_SIZE 80u

/* What the processor calls itself, or else its architecture; printable, or empty. */
void machine_processor(char text[MACHINE_SIZE]);

#endif
