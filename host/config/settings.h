/* SPDX-License-Identifier: MIT */
/*
 * settings.h - the options by name, and what each of them sets.
 */
#ifndef SETTINGS_H
#define SETTINGS_H

#include "config/options.h"

#include <getopt.h>

/* For getopt_long(). */
#define SETTINGS_SHORT "hvFc:p:S:M:m:l:n:"
extern const struct option settings_long[];

#define SETTINGS_COUNT OPTIONS_SETTINGS /* without its end */

/* Long options without a letter. */
enum {
	SETTINGS_DAEMON = 256,
	SETTINGS_FILE,
	SETTINGS_SLOTS,
	SETTINGS_SLOT,
	SETTINGS_RAW,
	SETTINGS_CLASSIC,
	SETTINGS_CONTROL,
	SETTINGS_CONTROL_GROUP,
	SETTINGS_SOCKET_MODE,
	SETTINGS_SOCKET_GROUP,
	SETTINGS_USER,
	SETTINGS_HUGETLB,
	SETTINGS_MEMORY_MODE,
	SETTINGS_MEMORY_GROUP,
	SETTINGS_MEMORY_AS_IS,
	SETTINGS_PER_UID,
	SETTINGS_ALLOW,
	SETTINGS_CLIENT_DESCRIPTORS,
	SETTINGS_VERSION,
	SETTINGS_CHECK,
};

/* Room for what a line about a setting begins with: a path, a line, a name. */
#define SETTINGS_OBJECT (PATH_MAX + 64)

/* How a line about an option of the command line begins: "-l", "--slots". */
void settings_object(int letter, char object[SETTINGS_OBJECT]);

/*
 * How a line about something that (letter) has set begins: "FILE:12: size" where the file did, else
 * as settings_object() has it. Answers whether it was the file.
 */
bool settings_origin(const struct options *options, int letter, char object[SETTINGS_OBJECT]);

/* log_about() the line of the file that has set (letter), if one has. */
void settings_about(const struct options *options, int letter);

/* Which of them asks for memory of (kind). */
int settings_memory_letter(enum backend_kind kind);

/*
 * Set one. (letter) is its val in settings_long; (value) lives as long as (options), NULL: only the
 * name was given. (line) is where the file has it, 0: it is from the command line. (object) is what
 * a line about an error begins with.
 *
 * OPTIONS_GO, or OPTIONS_WRONG after one line. Those of
 * settings_is_own() are not for here.
 */
int settings_set(
    struct options *options, const char *object, uint32_t line, int letter, const char *value);

/* The command line's own affair: a file cannot say it. */
bool settings_is_own(int letter);

#endif
