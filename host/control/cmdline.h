/* SPDX-License-Identifier: MIT */
/*
 * cmdline.h - the command line of a command that queries a running server.
 *
 * Every such command takes the options that name the server, --help, and options of its own, which
 * have no values.
 */
#ifndef CMDLINE_H
#define CMDLINE_H

#include "control/socketpath.h"

#include <getopt.h>

/* The first value of a command's own options: CMDLINE_OWN + k sets bit k of cmdline.flags. */
#define CMDLINE_OWN 257

/* The head of a command's table of options for getopt_long(). */
#define CMDLINE_COMMON                                                                      \
	{"socket", required_argument, NULL, 'S'}, {"config", required_argument, NULL, 'c'}, \
	    {"control", required_argument, NULL, CMDLINE_CONTROL},                          \
	{                                                                                   \
		"help", no_argument, NULL, 'h'                                              \
	}
#define CMDLINE_CONTROL 256

/* The text on these options in a command's help. */
#define CMDLINE_HELP                                                                              \
	"  -S, --socket PATH     the server's common socket\n"                                    \
	"  -c, --config FILE     the server's configuration\n"                                    \
	"      --control PATH    the server's control socket; default: the common socket's path," \
	" .control\n"

struct cmdline {
	const struct option *options; /* CMDLINE_COMMON, the command's own, and zeroes */
	const char *help;             /* what --help prints */
	unsigned flags;               /* which of the command's own options were given */
	struct socketpath server;     /* the options that name the server */
};

/*
 * Read the options in (argv). The caller has filled cmdline->options and cmdline->help.
 *
 * Returns -1 when the command goes on: optind is then the index of its first argument. Any other
 * value is the exit status with which the command ends.
 */
int cmdline_parse(struct cmdline *cmdline, int argc, char **argv);

#endif
