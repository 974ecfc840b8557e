/* SPDX-License-Identifier: MIT */
/*
 * settings.c - the options by name, and what each of them sets.
 *
 * The short ones are those of QEMU's contrib/ivshmem-server, with the same meaning. The long names
 * are the keys of the file, too.
 */
#include "config/settings.h"
#include "config/accounts.h"
#include "process/log.h"
#include "config/sizes.h"
#include "config/bindings.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SETTINGS_VECTORS_MAX 2048u /* PCI Local Bus Specification 3.0, 6.8.2: MSI-X table size */
#define SETTINGS_PEERS_MAX 65536u  /* a peer's ID has 16 bits; ivshmem-spec, "Device registers" */
#define SETTINGS_ALLOW_MAX 4096u   /* each is compared with every client that connects */
#define SETTINGS_CLIENT_LEAST 129u /* one vector, and 128 of a client's own: descriptors.c */
#define SETTINGS_CLIENT_MOST (1u << 30) /* more than any kernel's fs.nr_open */

/* What takes yes or no may go without. */
const struct option settings_long[] = {
    {"help", no_argument, NULL, 'h'},
    {"version", no_argument, NULL, SETTINGS_VERSION},
    {"check", required_argument, NULL, SETTINGS_CHECK},
    {"config", required_argument, NULL, 'c'},
    {"verbose", optional_argument, NULL, 'v'},
    {"foreground", optional_argument, NULL, 'F'},
    {"daemon", optional_argument, NULL, SETTINGS_DAEMON},
    {"pid-file", required_argument, NULL, 'p'},
    {"user", required_argument, NULL, SETTINGS_USER},
    {"socket", required_argument, NULL, 'S'},
    {"socket-mode", required_argument, NULL, SETTINGS_SOCKET_MODE},
    {"socket-group", required_argument, NULL, SETTINGS_SOCKET_GROUP},
    {"control", required_argument, NULL, SETTINGS_CONTROL},
    {"control-group", required_argument, NULL, SETTINGS_CONTROL_GROUP},
    {"allow", required_argument, NULL, SETTINGS_ALLOW},
    {"per-uid", required_argument, NULL, SETTINGS_PER_UID},
    {"client-descriptors", required_argument, NULL, SETTINGS_CLIENT_DESCRIPTORS},
    {"shm", required_argument, NULL, 'M'},
    {"huge", required_argument, NULL, 'm'},
    {"file", required_argument, NULL, SETTINGS_FILE},
    {"hugetlb", required_argument, NULL, SETTINGS_HUGETLB},
    {"memory-mode", required_argument, NULL, SETTINGS_MEMORY_MODE},
    {"memory-group", required_argument, NULL, SETTINGS_MEMORY_GROUP},
    {"memory-as-is", optional_argument, NULL, SETTINGS_MEMORY_AS_IS},
    {"size", required_argument, NULL, 'l'},
    {"vectors", required_argument, NULL, 'n'},
    {"slots", required_argument, NULL, SETTINGS_SLOTS},
    {"slot", required_argument, NULL, SETTINGS_SLOT},
    {"raw", optional_argument, NULL, SETTINGS_RAW},
    {"classic", optional_argument, NULL, SETTINGS_CLASSIC},
    {NULL, 0, NULL, 0},
};

_Static_assert(sizeof settings_long / sizeof settings_long[0] == SETTINGS_COUNT + 1,
    "settings.h says how many there are");

/* Of (letter) in settings_long; SETTINGS_COUNT: it is not there. */
static unsigned settings_index(int letter)
{
	unsigned index = 0;

	while (index < SETTINGS_COUNT && settings_long[index].val != letter)
		index++;
	return index;
}

void settings_object(int letter, char object[SETTINGS_OBJECT])
{
	const struct option *option = &settings_long[settings_index(letter)];

	if (letter < SETTINGS_DAEMON)
		snprintf(object, SETTINGS_OBJECT, "-%c", letter);
	else
		snprintf(object, SETTINGS_OBJECT, "--%s", option->name ? option->name : "?");
}

bool settings_origin(const struct options *options, int letter, char object[SETTINGS_OBJECT])
{
	unsigned index = settings_index(letter);

	if (index == SETTINGS_COUNT || options->line[index] == 0) {
		settings_object(letter, object);
		return false;
	}
	snprintf(object, SETTINGS_OBJECT, "%.*s:%u: %s", PATH_MAX, options->config,
	    options->line[index], settings_long[index].name);
	return true;
}

void settings_about(const struct options *options, int letter)
{
	char object[SETTINGS_OBJECT];

	log_about(settings_origin(options, letter, object) ? object : NULL);
}

/* (wrong) is a phrase about (value), or NULL. */
static int settings_judge(const char *object, const char *value, const char *wrong)
{
	if (!wrong)
		return OPTIONS_GO;
	log_failure(object, "%.80s: %s", value, wrong);
	return OPTIONS_WRONG;
}

static int settings_flag(const char *object, const char *value, bool is_inverse, bool *flag)
{
	bool yes = !value || !strcmp(value, "yes");

	if (!yes && strcmp(value, "no") != 0)
		return settings_judge(object, value, "give yes or no, or only the name");
	*flag = yes != is_inverse;
	return OPTIONS_GO;
}

static int settings_text(const char *value, const char **text)
{
	*text = value;
	return OPTIONS_GO;
}

static int settings_number(
    const char *object, const char *value, uint32_t least, uint32_t most, uint32_t *count)
{
	const char *wrong = sizes_count(value, least, most, count);

	if (!wrong)
		return OPTIONS_GO;
	log_failure(object, "%.80s: %s: give %u to %u", value, wrong, least, most);
	return OPTIONS_WRONG;
}

static int settings_mode(const char *object, const char *value, uint32_t *mode)
{
	return settings_judge(object, value, sizes_mode(value, mode));
}

static int settings_group(const char *object, const char *value, uint32_t *group)
{
	return settings_judge(object, value, accounts_group(value, group));
}

static int settings_size(struct options *options, const char *object, const char *value)
{
	const char *wrong = options->is_legacy ? sizes_parse_qemu(value, &options->size)
					       : sizes_parse(value, &options->size);
	uint64_t asked = options->size;

	if (wrong)
		return settings_judge(object, value, wrong);
	options->size = sizes_round(asked);
	if (options->size != asked && !options->quiet)
		log_failure(object, "%s: rounded up to %llu bytes: a BAR's size is a power of two",
		    value, (unsigned long long)options->size);
	return OPTIONS_GO;
}

int settings_memory_letter(enum backend_kind kind)
{
	return kind == BACKEND_SHM       ? 'M'
	       : kind == BACKEND_HUGE    ? 'm'
	       : kind == BACKEND_FILE    ? SETTINGS_FILE
	       : kind == BACKEND_HUGETLB ? SETTINGS_HUGETLB
					 : 'l';
}

static int settings_memory(struct options *options, enum backend_kind kind, const char *name)
{
	options->kind = kind;
	options->memory = name;
	return OPTIONS_GO;
}

static int settings_hugetlb(struct options *options, const char *object, const char *value)
{
	settings_memory(options, BACKEND_HUGETLB, NULL);
	return settings_judge(object, value, sizes_page(value, &options->huge_page));
}

/* 0 is no limit: the field's own 0 says that nothing was given. */
static int settings_per_uid(struct options *options, const char *object, const char *value)
{
	int status = settings_number(object, value, 0, SETTINGS_PEERS_MAX, &options->per_uid);

	if (status == OPTIONS_GO && options->per_uid == 0)
		options->per_uid = UINT32_MAX;
	return status;
}

static int settings_allow(struct options *options, const char *object, const char *value)
{
	struct options_allow allow = {0};
	struct options_allow *grown;
	const char *wrong;

	if (options->allow_count == SETTINGS_ALLOW_MAX)
		wrong = "there are too many: 4096 can be named; name a group";
	else if (!strncmp(value, "user:", 5))
		wrong = accounts_user(value + 5, &allow.id);
	else if (!strncmp(value, "group:", 6))
		wrong = accounts_group(value + 6, &allow.id);
	else
		wrong = "give user:NAME or group:NAME";
	if (wrong)
		return settings_judge(object, value, wrong);
	allow.is_group = value[0] == 'g';
	grown = realloc(options->allow, (options->allow_count + 1) * sizeof *grown);
	if (!grown)
		return settings_judge(object, value, strerror(errno));
	options->allow = grown;
	options->allow[options->allow_count++] = allow;
	return OPTIONS_GO;
}

/* Those that stand for a number, a mode or a group. */
static int settings_measure(
    struct options *options, const char *object, int letter, const char *value)
{
	switch (letter) {
	case 'l':
		return settings_size(options, object, value);
	case 'n':
		return settings_number(object, value, 0, SETTINGS_VECTORS_MAX, &options->vectors);
	case SETTINGS_SLOTS:
		return settings_number(object, value, 1, SETTINGS_PEERS_MAX, &options->slots);
	case SETTINGS_PER_UID:
		return settings_per_uid(options, object, value);
	case SETTINGS_CLIENT_DESCRIPTORS:
		return settings_number(object, value, SETTINGS_CLIENT_LEAST, SETTINGS_CLIENT_MOST,
		    &options->client_descriptors);
	case SETTINGS_SOCKET_MODE:
		return settings_mode(object, value, &options->socket_mode);
	case SETTINGS_MEMORY_MODE:
		return settings_mode(object, value, &options->memory_mode);
	case SETTINGS_SOCKET_GROUP:
		return settings_group(object, value, &options->socket_group);
	case SETTINGS_CONTROL_GROUP:
		return settings_group(object, value, &options->control_group);
	case SETTINGS_MEMORY_GROUP:
		return settings_group(object, value, &options->memory_group);
	default:
		return settings_judge(
		    object, value, accounts_both(value, &options->user, &options->group));
	}
}

bool settings_is_own(int letter)
{
	return letter == 'h' || letter == 'c' || letter == SETTINGS_VERSION ||
	       letter == SETTINGS_CHECK;
}

int settings_set(
    struct options *options, const char *object, uint32_t line, int letter, const char *value)
{
	unsigned index = settings_index(letter);

	if (value && !*value)
		return settings_judge(object, "\"\"", "give a value");
	if (index < SETTINGS_COUNT)
		options->line[index] = line;
	switch (letter) {
	case 'v':
		return settings_flag(object, value, false, &options->verbose);
	case 'F':
		return settings_flag(object, value, true, &options->daemon);
	case SETTINGS_DAEMON:
		return settings_flag(object, value, false, &options->daemon);
	case SETTINGS_MEMORY_AS_IS:
		return settings_flag(object, value, false, &options->memory_as_is);
	case SETTINGS_RAW:
		return settings_flag(object, value, false, &options->raw);
	case SETTINGS_CLASSIC:
		return settings_flag(object, value, false, &options->classic);
	case 'p':
		return settings_text(value, &options->pid_file);
	case 'S':
		return settings_text(value, &options->socket);
	case SETTINGS_CONTROL:
		return settings_text(value, &options->control);
	case 'M':
		return settings_memory(options, BACKEND_SHM, value);
	case 'm':
		return settings_memory(options, BACKEND_HUGE, value);
	case SETTINGS_FILE:
		return settings_memory(options, BACKEND_FILE, value);
	case SETTINGS_HUGETLB:
		return settings_hugetlb(options, object, value);
	case SETTINGS_SLOT:
		return bindings_add(options, object, line, value);
	case SETTINGS_ALLOW:
		return settings_allow(options, object, value);
	default:
		return settings_measure(options, object, letter, value);
	}
}
