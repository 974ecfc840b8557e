/* SPDX-License-Identifier: MIT */
/*
 * app.h - the doorway between a guest's world and its commands.
 *
 * The commands (info, demo, echo, ping, send, recv, bench ...) are standard C over printf and this
 * struct, and the same source in a bare-metal image and in ivsh.efi. A world, firmware/guest or
 * firmware/uefi, fills the struct and calls app_main() once.
 */
#ifndef APP_H
#define APP_H

#include <ivsh/ivsh.h>

#include <stdbool.h>

struct app_world {
	const char *name; /* "bare-metal x86_64", "UEFI x86_64": for info and greetings */

	/* How the device room reaches this machine. Everything is assigned already. */
	const struct ivsh_platform *port;

	/* Without a device: if this world knows why, one line on stderr, and true. NULL: it does not. */
	bool (*explain)(void);

	/* How this machine caches an address: "write-back" and the like, or NULL. NULL: nobody knows. */
	const char *(*memory_type)(const void *address);

	/* True once somebody asked the program to stop (ESC). NULL: nobody can. */
	bool (*stopped)(void);

	/*
	 * How long a command that finds nothing to do looks again before it sleeps, in nanoseconds: about
	 * as long as this world's sleep is late: with bells that end a sleep, and without.
	 */
	uint64_t spin_ns;
	uint64_t spin_polling_ns;

	/* A number that differs from one start to the next, as well as the machine can. */
	uint64_t nonce;
};

/*
 * Run one command. argv[0] is the program, argv[1] the command; no command means info.
 * Prints to stdout, errors as one line on stderr. Answers the exit status: status.h.
 *
 * With APP_VERDICT before the command its last line is `exit: N`, the exit status: a crash ends QEMU
 * with 0 too, but does not print that. Nothing that a peer wrote can stand at the start of a line.
 */
#define APP_VERDICT "--exit=verdict"
int app_main(int argc, char **argv, const struct app_world *world);

#endif
