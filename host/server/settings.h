/* SPDX-License-Identifier: MIT */
/*
 * settings.h - the options by name, and what each of them sets.
 */
#ifndef SETTINGS_H
#define SETTINGS_H

#include "options.h"

#include <getopt.h>

/* For getopt_long(). */
#define SETTINGS_SHORT "hvFc:p:S:M:m:l:n:"
extern const struct option settings_long[];

#define SETTINGS_COUNT 27 /* of settings_long, without its end */

/* Room for what a line about a setting begins with: a path, a line, a name. */
#define SETTINGS_OBJECT (PATH_MAX + 64)

/* How a line about an option of the command line begins: "-l", "--slots". */
void settings_object(int letter, char object[SETTINGS_OBJECT]);

/*
 * Set one. (letter) is its val in settings_long; (value) lives as long as (options), NULL: only the
 * name was given. (line) is where the file has it, 0: it is from the command line. (object) is what
 * a line about an error begins with.
 *
 * OPTIONS_GO, or OPTIONS_WRONG after one line. 'h' and 'c' are the command line's own affair.
 */
int settings_set(
    struct options *options, const char *object, uint32_t line, int letter, const char *value);

#endif
