/* SPDX-License-Identifier: MIT */
/*
 * options.c - the command line, what holds when it says nothing, and whether it all fits together.
 */
#include "config/options.h"
#include "config/bindings.h"
#include "config/config.h"
#include "config/descriptors.h"
#include "config/help.h"
#include "config/known.h"
#include "process/listener.h"
#include "process/log.h"
#include "config/settings.h"

#include <ivsh/version.h>
#include <ivsh/wire.h>

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#define OPTIONS_SLOTS 8u      /* a mesh of rings grows with the square */
#define OPTIONS_LEGACY 16u    /* QEMU's device has room for 16 peers from the start */
#define OPTIONS_UID_SPARE 16u /* connections of a user that do not hold a slot yet, or any more */

/* Memory that lives as long as the options. */
struct options_block {
	struct options_block *next;
	char text[];
};

/* What stands for "the default" until all options are known. */
static const char options_default[] = "";

char *options_keep(struct options *options, const char *text, size_t size)
{
	struct options_block *block = malloc(sizeof *block + size + 1);

	if (!block)
		return NULL;
	if (size)
		memcpy(block->text, text, size);
	block->text[size] = '\0';
	block->next = options->blocks;
	options->blocks = block;
	return block->text;
}

void options_free(struct options *options)
{
	while (options->blocks) {
		struct options_block *block = options->blocks;

		options->blocks = block->next;
		free(block);
	}
	free(options->bound);
	free(options->allow);
	memset(options, 0, sizeof *options);
}

static int options_wrong(const char *object, const char *what)
{
	log_failure(object, "%s", what);
	return OPTIONS_WRONG;
}

/* Likewise about what (letter) has set. */
static int options_refuse(const struct options *options, int letter, const char *what)
{
	char object[SETTINGS_OBJECT];

	settings_origin(options, letter, object);
	return options_wrong(object, what);
}

/* QEMU's server puts itself in the background, its memory and socket where everybody looks. */
static void options_defaults(struct options *options, bool legacy)
{
	*options = (struct options){
	    .daemon = legacy,
	    .is_legacy = legacy,
	    .raw = legacy,
	    .classic = legacy,
	    .socket = legacy ? "/tmp/ivshmem_socket" : options_default,
	    .control = legacy ? "none" : options_default,
	    .socket_mode = OPTIONS_NONE,
	    .socket_group = OPTIONS_NONE,
	    .control_group = OPTIONS_NONE,
	    .user = OPTIONS_NONE,
	    .group = OPTIONS_NONE,
	    .kind = legacy ? BACKEND_SHM : BACKEND_MEMFD,
	    .memory = legacy ? "ivshmem" : NULL,
	    .memory_mode = OPTIONS_NONE,
	    .memory_group = OPTIONS_NONE,
	    .memory_most = legacy ? 0777 : 0, /* QEMU's own tests make it with what umask leaves */
	    .size = UINT64_C(4) << 20,
	    .vectors = legacy ? 1 : 2,
	    .client_descriptors = 1024,
	};
}

/* (folder), of (size) bytes, and (rest). */
static const char *options_path(
    struct options *options, const char *folder, size_t size, const char *rest)
{
	char path[PATH_MAX];

	/* Longer than any socket's address: whoever binds it says so. */
	if (size > sizeof path / 2)
		size = sizeof path / 2;
	snprintf(path, sizeof path, "%.*s%s", (int)size, folder, rest);
	return options_keep(options, path, strlen(path));
}

/* systemd names the folders that it made, the first one ends at a colon: systemd.exec(5). */
static int options_socket(struct options *options)
{
	const char *folder = getenv("RUNTIME_DIRECTORY");
	size_t size = folder ? strcspn(folder, ":") : 0;

	if (options->socket != options_default)
		return OPTIONS_GO;
	if (size == 0) {
		folder = geteuid() == 0 ? "/run" : getenv("XDG_RUNTIME_DIR");
		if (!folder || !*folder)
			return options_wrong("-S", "XDG_RUNTIME_DIR is not set: give a socket");
		size = strlen(folder);
	}
	options->socket = options_path(options, folder, size, "/ivsh.sock");
	return options->socket ? OPTIONS_GO : options_wrong("-S", strerror(ENOMEM));
}

/* By default none, too, where its path is too long for a socket: the server is needed more. */
static int options_control(struct options *options)
{
	static const char suffix[] = ".control";
	size_t size = strlen(options->socket);

	if (!strcmp(options->control, "none")) {
		options->control = NULL;
	} else if (options->control != options_default) {
		if (!strcmp(options->control, options->socket))
			return options_refuse(
			    options, SETTINGS_CONTROL, "this is the common socket");
	} else if (size + sizeof suffix > sizeof((struct sockaddr_un *)NULL)->sun_path) {
		options->control = NULL;
	} else {
		options->control = options_path(options, options->socket, size, suffix);
		if (!options->control)
			return options_wrong("--control", strerror(ENOMEM));
	}
	return OPTIONS_GO;
}

/* As many as descriptors allow: at a takeover what it was, whatever the limit is by then. */
static uint32_t options_slots_most(const struct options *options)
{
	char name[64];
	uint32_t slots;

	snprintf(name, sizeof name, "%u/%u", options->vectors, options->client_descriptors);
	if (known_find(KNOWN_SLOTS, name, &slots))
		return slots;
	slots = descriptors_slots(options);
	known_add(KNOWN_SLOTS, name, slots);
	return slots;
}

static void options_slots(struct options *options, bool legacy)
{
	if (options->slots == 0 && options->classic && options->raw)
		options->slots = options_slots_most(options);
	else if (options->slots == 0)
		options->slots = legacy && options->raw ? OPTIONS_LEGACY : OPTIONS_SLOTS;
	if (options->per_uid == 0)
		options->per_uid = options->slots + OPTIONS_UID_SPARE;
}

static int options_geometry(struct options *options)
{
	char object[SETTINGS_OBJECT];
	uint64_t need = 0;

	if (options->raw)
		return OPTIONS_GO;
	if (options->slots < IVSH_WIRE_SLOTS_MIN || options->slots > IVSH_WIRE_SLOTS_MAX) {
		settings_origin(options, SETTINGS_SLOTS, object);
		log_failure(object, "a region has %u to %u slots; with --raw any number",
		    IVSH_WIRE_SLOTS_MIN, IVSH_WIRE_SLOTS_MAX);
		return OPTIONS_WRONG;
	}
	if (ivsh_geometry_fit(options->size, options->slots, &options->geometry, &need)) {
		settings_origin(options, 'l', object);
		log_failure(object,
		    "%llu bytes are too few for %u slots: %llu are needed"
		    " (fewer --slots need less, --raw needs none)",
		    (unsigned long long)options->size, options->slots, (unsigned long long)need);
		return OPTIONS_WRONG;
	}
	return OPTIONS_GO;
}

/* What depends on several options. */
static int options_check(struct options *options, bool legacy)
{
	char object[SETTINGS_OBJECT];

	if (options_socket(options) != OPTIONS_GO || options_control(options) != OPTIONS_GO)
		return OPTIONS_WRONG;
	if (legacy && options->daemon && !options->pid_file)
		options->pid_file = "/var/run/ivshmem-server.pid";
	if (options->classic && options->bound_count > 0)
		return options_refuse(options, SETTINGS_SLOT,
		    "with --classic (as under the name ivshmem-server) IDs grow, none can be bound:"
		    " give --classic=no, or no --slot");
	options_slots(options, legacy);
	if (options->kind == BACKEND_HUGETLB && options->size < options->huge_page) {
		settings_origin(options, SETTINGS_HUGETLB, object);
		log_failure(object,
		    "%llu bytes do not fill one page of %llu: give -l %lluM, or more",
		    (unsigned long long)options->size, (unsigned long long)options->huge_page,
		    (unsigned long long)options->huge_page >> 20);
		return OPTIONS_WRONG;
	}
	if (options_geometry(options) != OPTIONS_GO)
		return OPTIONS_WRONG;
	return bindings_bind(options);
}

/* Which file is to be read before everything else. Errors of the command line are for later. */
static int options_file(struct options *options, int argc, char **argv, int fd)
{
	const char *config = NULL;
	int letter;

	opterr = 0;
	optind = 0; /* glibc: begin again */
	while ((letter = getopt_long(argc, argv, SETTINGS_SHORT, settings_long, NULL)) != -1) {
		if (letter == 'h' || letter == SETTINGS_VERSION || letter == '?')
			return OPTIONS_GO;
		if (letter == 'c' || letter == SETTINGS_CHECK)
			config = optarg;
	}
	if (!config)
		return OPTIONS_GO;
	options->config = options_keep(options, config, strlen(config));
	return options->config ? config_load(options, fd) : options_wrong("-c", strerror(ENOMEM));
}

/* All that was to be shown is shown. */
static int options_shown(void)
{
	if (!fflush(stdout))
		return 0;
	log_failure("stdout", "%s", strerror(errno));
	return 1;
}

static int options_help(void)
{
	printf("Usage: %s %s", program_invocation_short_name, help_text);
	return options_shown();
}

static int options_version(void)
{
	printf("%s %s, region version %u\n", program_invocation_short_name, IVSH_VERSION,
	    IVSH_WIRE_VERSION);
	return options_shown();
}

/* What listener_lock() would say. */
static int options_fits(const char *path)
{
	if (strlen(path) < LISTENER_PATH)
		return 0;
	return log_failure(path, "a socket's path has at most %u bytes", LISTENER_PATH - 1);
}

/* Nothing is wrong with it, as far as can be told without doing it. */
static int options_checked(const struct options *options)
{
	settings_about(options, 'S');
	if (options_fits(options->socket))
		return OPTIONS_WRONG;
	settings_about(options, SETTINGS_CONTROL);
	if (options->control && options_fits(options->control))
		return OPTIONS_WRONG;
	for (uint32_t i = 0; i < options->bound_count; i++) {
		bindings_about(options, &options->bound[i]);
		if (options_fits(options->bound[i].socket))
			return OPTIONS_WRONG;
	}
	log_about(NULL);
	if (descriptors_check(options))
		return OPTIONS_WRONG;
	printf("%s: no error found\n", options->config);
	return options_shown();
}

static int options_line(struct options *options, int argc, char **argv)
{
	char object[SETTINGS_OBJECT];
	const char *value;
	int letter, status;

	opterr = 1;
	optind = 0;
	while ((letter = getopt_long(argc, argv, SETTINGS_SHORT, settings_long, NULL)) != -1) {
		if (letter == 'h')
			return options_help();
		if (letter == '?')
			return OPTIONS_WRONG; /* getopt_long() has said what is wrong */
		if (letter == SETTINGS_VERSION)
			return options_version();
		options->is_check |= letter == SETTINGS_CHECK;
		if (settings_is_own(letter))
			continue;
		settings_object(letter, object);
		value = optarg ? options_keep(options, optarg, strlen(optarg)) : NULL;
		if (optarg && !value)
			return options_wrong(object, strerror(ENOMEM));
		status = settings_set(options, object, 0, letter, value);
		if (status != OPTIONS_GO)
			return status;
	}
	if (optind < argc)
		return options_wrong(argv[optind], "takes no arguments, only options");
	return OPTIONS_GO;
}

int options_parse(struct options *options, int argc, char **argv, int config)
{
	bool legacy = !strcmp(program_invocation_short_name, "ivshmem-server");
	int status;

	options_defaults(options, legacy);
	options->quiet = config >= 0;
	status = options_file(options, argc, argv, config);
	if (status == OPTIONS_GO)
		status = options_line(options, argc, argv);
	if (status == OPTIONS_GO)
		status = options_check(options, legacy);
	if (status == OPTIONS_GO && options->is_check)
		status = options_checked(options);
	if (status != OPTIONS_GO)
		options_free(options);
	return status;
}
