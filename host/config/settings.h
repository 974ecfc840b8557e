/* SPDX-License-Identifier: MIT */
/*
 * settings.h - the settings by name, in one table: options of the command line, and keys of the
 * file.
 */
#ifndef SETTINGS_H
#define SETTINGS_H

#include "config/options.h"

/* settings_next() answers these, too. */
#define SETTINGS_END (-1)
#define SETTINGS_WRONG (-2)

/*
 * The next option of the command line, an enum setting, and its value, NULL where it has none.
 * (is_first) begins anew. SETTINGS_END: there is none left, and optind is the index of the other
 * words; SETTINGS_WRONG: it is no option, which getopt_long() prints, unless opterr is 0.
 */
int settings_next(int argc, char **argv, bool is_first, const char **value);

/* The setting of that name, SETTINGS_COUNT: there is none. */
enum setting settings_find(const char *name);

const char *settings_name(enum setting setting);

/* It cannot go without a value. */
bool settings_needs_value(enum setting setting);

/* It is for the command line only, not for a file. */
bool settings_is_own(enum setting setting);

/* How a line about an option of the command line begins: "-l", "--slots". */
void settings_object(enum setting setting, char object[OPTIONS_OBJECT]);

/*
 * How a line about what (setting) has set begins: "FILE:12: size" where the file did, else as
 * settings_object() has it. Answers whether it was the file.
 */
bool settings_origin(
    const struct options *options, enum setting setting, char object[OPTIONS_OBJECT]);

/* log_about() the line of the file that has (setting), if one has. */
void settings_about(const struct options *options, enum setting setting);

/* The setting that selects memory of (kind). */
enum setting settings_of_memory(enum backend_kind kind);

/*
 * Set one, but none of settings_is_own(). (value) is valid as long as (options), NULL: only the
 * name was given. (line) is where the file has it, 0: it is from the command line. (object) is what
 * a line about an error begins with. 0, or -1 after one line.
 */
int settings_set(struct options *options, const char *object, uint32_t line, enum setting setting,
    const char *value);

#endif
