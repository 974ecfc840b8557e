/* SPDX-License-Identifier: MIT */
/*
 * app.h - the one set of commands: for bare metal, UEFI and the host.
 */
#ifndef APP_H
#define APP_H

#include "app/world.h"

/*
 * Run one command in (world). argv[0] is the program, argv[1] and what follows the command line;
 * its words are moved to the front. No command means info. Prints to stdout, errors as one line on
 * stderr. Answers the exit status: status.h.
 *
 * With APP_VERDICT before the command its last line is `exit: N`, the exit status: a crash ends
 * QEMU with 0 too, but does not print that. Nothing that a peer wrote can stand at the start of a
 * line.
 */
#define APP_VERDICT "--exit=verdict"
int app_main(int argc, char **argv, const struct world *world);

#endif
