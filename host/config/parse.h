/* SPDX-License-Identifier: MIT */
/*
 * parse.h - the command line, and the file that it names.
 */
#ifndef PARSE_H
#define PARSE_H

#include "config/options.h"

/* parse_command_line() answers this when the server shall start. */
#define PARSE_GO (-1)
#define PARSE_WRONG 2 /* the exit status after a wrong option */

/*
 * Read the command line, and before it the file that --config names: the command line
 * counts, and --slot and --allow add to those of the file. Under the name ivshmem-server the
 * defaults are those of QEMU's server. (argv) is left as it is, but for the order of its words, and
 * nothing points into it.
 *
 * (config) is -1 at the start. In a server that takes over from one that died it is a descriptor
 * with what was in the file, and the file is not opened; nothing is read if no file was named. What
 * was logged at the start, that a size is rounded up, is not logged again then.
 *
 * PARSE_GO, or the exit status, after the help or one line about what is wrong, and with nothing
 * to free.
 */
int parse_command_line(struct options *options, int argc, char **argv, int config);

#endif
