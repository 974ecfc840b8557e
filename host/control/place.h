/* SPDX-License-Identifier: MIT */
/*
 * place.h - which server is meant: the path of its control socket.
 */
#ifndef PLACE_H
#define PLACE_H

#include <limits.h>
#include <stdbool.h>

/* For getopt_long(): "S:c:" and these, whose values begin where letters end. */
#define PLACE_SHORT "S:c:h"
#define PLACE_CONTROL 256
#define PLACE_NEXT 257 /* the first that a command has for itself */
#define PLACE_LONG                                                                          \
	{"socket", required_argument, NULL, 'S'}, {"config", required_argument, NULL, 'c'}, \
	    {"control", required_argument, NULL, PLACE_CONTROL},                            \
	{                                                                                   \
		"help", no_argument, NULL, 'h'                                              \
	}

/* What the options said; zeroes before. */
struct place {
	const char *socket;
	const char *control;
	const char *config;
	bool is_any; /* the caller can do without a control socket, but for the name beside it */
	char path[PATH_MAX]; /* the control socket: place_find() */
};

/* Take the option (letter) if it says where. */
bool place_option(struct place *place, int letter, const char *value);

/*
 * Fill place->path: from --control, or from --socket, or what the configuration says of them, or
 * where a server listens that was told nothing.
 *
 * 0, or the exit status after one line.
 */
int place_find(struct place *place);

#endif
