/* SPDX-License-Identifier: MIT */
/*
 * command.h - a row of a table of commands: those of all worlds, and those that a world has alone.
 */
#ifndef APP_COMMAND_H
#define APP_COMMAND_H

#include "app/options.h"
#include "app/world.h"

struct command {
	const char *name; /* NULL: behind the last one */
	int (*run)(const struct world *world, const struct options *options);
	unsigned least, most; /* words, the command included */
	uint16_t port;        /* unless --port is given */
	uint32_t count;       /* unless --count is given; 0: for ever */
	uint64_t options;     /* OPTION_* that mean something to it */
	const char *synopsis; /* behind the name */
	const char *help;
};

#endif
