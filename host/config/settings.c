/* SPDX-License-Identifier: MIT */
/*
 * settings.c - the settings by name.
 *
 * The short options are those of QEMU's contrib/ivshmem-server, with the same meaning.
 */
#include "config/settings.h"
#include "config/values.h"
#include "process/log.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

#define VECTORS_MAX 2048u      /* PCI Local Bus Specification 3.0, 6.8.2: MSI-X table size */
#define PEERS_MAX 65536u       /* a peer's ID has 16 bits; ivshmem-spec, "Device registers" */
#define CLIENT_LEAST 129u      /* one vector, and 128 of a client's own: descriptors.c */
#define CLIENT_MOST (1u << 30) /* more than any kernel's fs.nr_open */

#define LONG_FIRST 256 /* getopt_long() answers this and the setting, or a letter */

/* has_arg of getopt_long(): what takes yes or no may go without. */
#define OWN no_argument
#define FLAG optional_argument
#define NEEDED required_argument

#define FIELD(name) offsetof(struct options, name)

struct row {
	const char *name;
	char letter; /* 0: none */
	int argument;
	int (*set)(const struct value *value); /* NULL: for the command line only */
	size_t field;
	uint32_t least;
	uint32_t most;
};

static const struct row rows[SETTINGS_COUNT] = {
    [SETTING_HELP] = {"help", 'h', OWN, NULL, 0, 0, 0},
    [SETTING_VERSION] = {"version", 0, OWN, NULL, 0, 0, 0},
    [SETTING_CHECK] = {"check", 0, NEEDED, NULL, 0, 0, 0},
    [SETTING_CONFIG] = {"config", 'c', NEEDED, NULL, 0, 0, 0},
    [SETTING_VERBOSE] = {"verbose", 'v', FLAG, values_flag, FIELD(verbose), 0, 0},
    [SETTING_FOREGROUND] = {"foreground", 'F', FLAG, values_inverse_flag, FIELD(daemon), 0, 0},
    [SETTING_DAEMON] = {"daemon", 0, FLAG, values_flag, FIELD(daemon), 0, 0},
    [SETTING_PID_FILE] = {"pid-file", 'p', NEEDED, values_text, FIELD(pid_file), 0, 0},
    [SETTING_USER] = {"user", 0, NEEDED, values_user, 0, 0, 0},
    [SETTING_SOCKET] = {"socket", 'S', NEEDED, values_text, FIELD(socket), 0, 0},
    [SETTING_SOCKET_MODE] = {"socket-mode", 0, NEEDED, values_mode, FIELD(socket_mode), 0, 0},
    [SETTING_SOCKET_GROUP] = {"socket-group", 0, NEEDED, values_group, FIELD(socket_group), 0, 0},
    [SETTING_CONTROL] = {"control", 0, NEEDED, values_text, FIELD(control), 0, 0},
    [SETTING_CONTROL_GROUP] = {"control-group", 0, NEEDED, values_group, FIELD(control_group), 0,
	0},
    [SETTING_ALLOW] = {"allow", 0, NEEDED, values_allow, 0, 0, 0},
    [SETTING_PER_UID] = {"per-uid", 0, NEEDED, values_per_uid, FIELD(per_uid), 0, PEERS_MAX},
    [SETTING_CLIENT_DESCRIPTORS] = {"client-descriptors", 0, NEEDED, values_count,
	FIELD(client_descriptors), CLIENT_LEAST, CLIENT_MOST},
    [SETTING_SHM] = {"shm", 'M', NEEDED, values_memory, 0, BACKEND_SHM, 0},
    [SETTING_HUGE] = {"huge", 'm', NEEDED, values_memory, 0, BACKEND_HUGE, 0},
    [SETTING_FILE] = {"file", 0, NEEDED, values_memory, 0, BACKEND_FILE, 0},
    [SETTING_HUGETLB] = {"hugetlb", 0, NEEDED, values_hugetlb, 0, 0, 0},
    [SETTING_MEMORY_MODE] = {"memory-mode", 0, NEEDED, values_mode, FIELD(memory_mode), 0, 0},
    [SETTING_MEMORY_GROUP] = {"memory-group", 0, NEEDED, values_group, FIELD(memory_group), 0, 0},
    [SETTING_MEMORY_AS_IS] = {"memory-as-is", 0, FLAG, values_flag, FIELD(memory_as_is), 0, 0},
    [SETTING_SIZE] = {"size", 'l', NEEDED, values_size, 0, 0, 0},
    [SETTING_VECTORS] = {"vectors", 'n', NEEDED, values_count, FIELD(vectors), 0, VECTORS_MAX},
    [SETTING_SLOTS] = {"slots", 0, NEEDED, values_count, FIELD(slots), 1, PEERS_MAX},
    [SETTING_SLOT] = {"slot", 0, NEEDED, values_slot, 0, 0, 0},
    [SETTING_GEOMETRY] = {"geometry", 0, NEEDED, values_text, FIELD(geometry_file), 0, 0},
    [SETTING_LOG_SIZE] = {"log-size", 0, NEEDED, values_log_size, FIELD(log_size), 0, 0},
    [SETTING_SPLIT] = {"split", 0, FLAG, values_flag, FIELD(split), 0, 0},
    [SETTING_RAW] = {"raw", 0, FLAG, values_flag, FIELD(raw), 0, 0},
    [SETTING_CLASSIC] = {"classic", 0, FLAG, values_flag, FIELD(classic), 0, 0},
};

static enum setting find_letter(int letter)
{
	unsigned setting = 0;

	while (setting < SETTINGS_COUNT && rows[setting].letter != letter)
		setting++;
	return (enum setting)setting;
}

int settings_next(int argc, char **argv, bool is_first, const char **value)
{
	char letters[2 * SETTINGS_COUNT + 1], *to = letters;
	struct option names[SETTINGS_COUNT + 1] = {0};
	int got;

	for (int i = 0; i < SETTINGS_COUNT; i++) {
		names[i] = (struct option){rows[i].name, rows[i].argument, NULL, LONG_FIRST + i};
		if (rows[i].letter)
			*to++ = rows[i].letter;
		if (rows[i].letter && rows[i].argument == NEEDED)
			*to++ = ':';
	}
	*to = '\0';
	if (is_first)
		optind = 0; /* glibc: begin again */
	got = getopt_long(argc, argv, letters, names, NULL);
	*value = optarg;
	if (got == -1)
		return SETTINGS_END;
	if (got == '?')
		return SETTINGS_WRONG;
	return got >= LONG_FIRST ? got - LONG_FIRST : (int)find_letter(got);
}

enum setting settings_find(const char *name)
{
	unsigned setting = 0;

	while (setting < SETTINGS_COUNT && strcmp(rows[setting].name, name) != 0)
		setting++;
	return (enum setting)setting;
}

const char *settings_name(enum setting setting)
{
	return rows[setting].name;
}

bool settings_needs_value(enum setting setting)
{
	return rows[setting].argument == NEEDED;
}

bool settings_is_own(enum setting setting)
{
	return !rows[setting].set;
}

void settings_object(enum setting setting, char object[OPTIONS_OBJECT])
{
	if (rows[setting].letter)
		snprintf(object, OPTIONS_OBJECT, "-%c", rows[setting].letter);
	else
		snprintf(object, OPTIONS_OBJECT, "--%s", rows[setting].name);
}

bool settings_origin(
    const struct options *options, enum setting setting, char object[OPTIONS_OBJECT])
{
	if (options->line[setting] == 0) {
		settings_object(setting, object);
		return false;
	}
	snprintf(object, OPTIONS_OBJECT, "%.*s:%u: %s", PATH_MAX, options->config,
	    options->line[setting], rows[setting].name);
	return true;
}

void settings_about(const struct options *options, enum setting setting)
{
	char object[OPTIONS_OBJECT];

	log_about(settings_origin(options, setting, object) ? object : NULL);
}

enum setting settings_of_memory(enum backend_kind kind)
{
	return kind == BACKEND_SHM       ? SETTING_SHM
	       : kind == BACKEND_HUGE    ? SETTING_HUGE
	       : kind == BACKEND_FILE    ? SETTING_FILE
	       : kind == BACKEND_HUGETLB ? SETTING_HUGETLB
					 : SETTING_SIZE;
}

int settings_set(struct options *options, const char *object, uint32_t line, enum setting setting,
    const char *value)
{
	const struct row *row = &rows[setting];

	if (value && !*value)
		return log_failure(object, "\"\": give a value");
	options->line[setting] = line;
	return row->set(&(struct value){.options = options,
	    .object = object,
	    .line = line,
	    .text = value,
	    .field = (char *)options + row->field,
	    .least = row->least,
	    .most = row->most});
}
