/* SPDX-License-Identifier: MIT */
/*
 * cmdline.c - the command line of a command that queries a running server.
 */
#include "control/cmdline.h"
#include "control/print.h"

#include <errno.h>
#include <stdio.h>

int cmdline_parse(struct cmdline *cmdline, int argc, char **argv)
{
	int letter;

	argv[0] = program_invocation_short_name; /* getopt_long() begins its messages with it */
	optind = 0;
	while ((letter = getopt_long(argc, argv, "S:c:h", cmdline->options, NULL)) != -1) {
		switch (letter) {
		case 'S':
			cmdline->server.socket = optarg;
			break;
		case 'c':
			cmdline->server.config = optarg;
			break;
		case CMDLINE_CONTROL:
			cmdline->server.control = optarg;
			break;
		case 'h':
			fputs(cmdline->help, stdout);
			return print_flush(0);
		case '?':
			return 2; /* getopt_long() has printed what is wrong */
		default:
			cmdline->flags |= 1u << (letter - CMDLINE_OWN);
			break;
		}
	}
	return -1;
}
