/* SPDX-License-Identifier: MIT */
/*
 * complete.c - the defaults of all options, and whether the options fit together.
 */
#include "config/complete.h"
#include "config/bindings.h"
#include "config/descriptors.h"
#include "config/known.h"
#include "config/settings.h"
#include "process/log.h"
#include "text/geometry.h"
#include "text/sizes.h"

#include <ivsh/wire.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#define DEFAULT_SLOTS 8u /* a mesh of rings grows with the square */
#define LEGACY_SLOTS 16u /* QEMU's device has room for 16 peers from the start */
#define UID_SPARE 16u    /* connections of a user that do not hold a slot yet, or any more */

/* It stands for "the default" until all options are known. */
static const char default_path[] = "";

static int wrong(const char *object, const char *what)
{
	return log_failure(object, "%s", what);
}

/* Likewise about what (setting) has set. */
static int refuse(const struct options *options, enum setting setting, const char *what)
{
	char object[OPTIONS_OBJECT];

	settings_origin(options, setting, object);
	return wrong(object, what);
}

/* QEMU's server goes to the background, and uses well-known names for memory and socket. */
void complete_defaults(struct options *options, bool legacy)
{
	*options = (struct options){
	    .daemon = legacy,
	    .is_legacy = legacy,
	    .raw = legacy,
	    .classic = legacy,
	    .socket = legacy ? "/tmp/ivshmem_socket" : default_path,
	    .control = legacy ? "none" : default_path,
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
	    .log_size = OPTIONS_LOG_FITS,
	};
}

/* (folder), of (size) bytes, and (rest). */
static const char *join(struct options *options, const char *folder, size_t size, const char *rest)
{
	char path[PATH_MAX];

	/* It is longer than any socket's address all the same: listener_lock() refuses it. */
	if (size > sizeof(path) / 2)
		size = sizeof(path) / 2;
	snprintf(path, sizeof(path), "%.*s%s", (int)size, folder, rest);
	return options_keep(options, path, strlen(path));
}

/* systemd names the folders that it made, the first one ends at a colon: systemd.exec(5). */
static int set_socket(struct options *options)
{
	const char *folder = getenv("RUNTIME_DIRECTORY");
	size_t size = folder ? strcspn(folder, ":") : 0;

	if (options->socket != default_path)
		return 0;
	if (size == 0) {
		folder = geteuid() == 0 ? "/run" : getenv("XDG_RUNTIME_DIR");
		if (!folder || !*folder)
			return wrong("-S", "XDG_RUNTIME_DIR is not set: give a socket");
		size = strlen(folder);
	}
	options->socket = join(options, folder, size, "/ivsh.sock");
	return options->socket ? 0 : wrong("-S", strerror(ENOMEM));
}

/* By default none, too, where its path is too long for a socket: the server is needed more. */
static int set_control(struct options *options)
{
	static const char suffix[] = ".control";
	size_t size = strlen(options->socket);

	if (!strcmp(options->control, "none")) {
		options->control = NULL;
	} else if (options->control != default_path) {
		if (!strcmp(options->control, options->socket))
			return refuse(options, SETTING_CONTROL, "this is the common socket");
	} else if (size + sizeof(suffix) > sizeof((struct sockaddr_un *)NULL)->sun_path) {
		options->control = NULL;
	} else {
		options->control = join(options, options->socket, size, suffix);
		if (!options->control)
			return wrong("--control", strerror(ENOMEM));
	}
	return 0;
}

/* As many as descriptors allow: at a takeover what it was, whatever the limit is by then. */
static uint32_t most_slots(const struct options *options)
{
	char name[64];
	uint32_t slots;

	snprintf(name, sizeof(name), "%u/%u", options->vectors, options->client_descriptors);
	if (known_find(KNOWN_SLOTS, name, &slots))
		return slots;
	slots = descriptors_slots(options);
	known_add(KNOWN_SLOTS, name, slots);
	return slots;
}

static void set_slots(struct options *options)
{
	if (options->slots == 0 && options->classic && options->raw)
		options->slots = most_slots(options);
	else if (options->slots == 0)
		options->slots = options->is_legacy && options->raw ? LEGACY_SLOTS : DEFAULT_SLOTS;
	if (options->per_uid == 0)
		options->per_uid = options->slots + UID_SPARE;
}

/* With --split the memories are files, in a folder: QEMU opens each by its name. */
static int set_split(struct options *options)
{
	static const char suffix[] = ".split";
	const char *folder = getenv("RUNTIME_DIRECTORY");
	size_t size = folder ? strcspn(folder, ":") : 0;
	const char *slash = strrchr(options->socket, '/');
	char name[NAME_MAX + 16];

	if (!options->split)
		return 0;
	if (options->raw)
		return refuse(options, SETTING_RAW,
		    "with --split the server formats the memories: give one of the two");
	if (options->classic)
		return refuse(options, SETTING_CLASSIC,
		    "with --split each slot has an ID for ever: give one of the two");
	if (options->kind != BACKEND_FILE && options->kind != BACKEND_MEMFD)
		return refuse(options, settings_of_memory(options->kind),
		    "with --split the memories are files in a folder: give --file DIR");
	if (options->memory_mode != OPTIONS_NONE && (options->memory_mode & 022))
		return refuse(options, SETTING_MEMORY_MODE,
		    "with --split nobody but the owner may write a part: give a mode such as 0644");
	if (options->kind == BACKEND_FILE)
		return 0;
	if (size == 0) {
		options->memory = join(options, options->socket, strlen(options->socket), suffix);
	} else {
		snprintf(name, sizeof(name), "/%.*s%s", NAME_MAX,
		    slash ? slash + 1 : options->socket, suffix);
		options->memory = join(options, folder, size, name);
	}
	options->kind = BACKEND_FILE;
	return options->memory ? 0 : wrong("--split", strerror(ENOMEM));
}

_Static_assert(OPTIONS_LOG_FITS == GEOMETRY_LOG_FITS, "log_size");

/* A memory is a BAR. Of a split region each part is, and geometry_fit_split() makes it one. */
static void round_size(struct options *options)
{
	uint64_t asked = options->size;
	char object[OPTIONS_OBJECT];

	if (options->split)
		return;
	options->size = sizes_round(asked);
	if (options->size == asked || options->quiet)
		return;
	settings_origin(options, SETTING_SIZE, object);
	log_failure(object, "%s: rounded up to %llu bytes: a BAR's size is a power of two",
	    options->size_text, (unsigned long long)options->size);
}

/* The largest geometry with at most what (most) has, or NULL. */
static int fit(const struct ivsh_geometry *most, struct options *options, uint64_t *need)
{
	if (options->split)
		return geometry_fit_split(most, options->size, options->slots, options->log_size,
		    &options->geometry, &options->part_size, need);
	return geometry_fit(
	    most, options->size, options->slots, options->log_size, &options->geometry, need);
}

static int set_geometry(struct options *options)
{
	char object[OPTIONS_OBJECT];
	uint64_t need = 0;

	if (options->raw && options->geometry_file)
		return refuse(options, SETTING_GEOMETRY,
		    "with --raw nothing is written into the memory: give one of the two");
	if (options->raw && options->log_size != OPTIONS_LOG_FITS)
		return refuse(options, SETTING_LOG_SIZE,
		    "with --raw nothing is written into the memory: give one of the two");
	if (options->raw)
		return 0;
	if (options->slots < IVSH_WIRE_SLOTS_MIN || options->slots > IVSH_WIRE_SLOTS_MAX) {
		settings_origin(options, SETTING_SLOTS, object);
		return log_failure(object, "a region has %u to %u slots; with --raw any number",
		    IVSH_WIRE_SLOTS_MIN, IVSH_WIRE_SLOTS_MAX);
	}
	if (fit(NULL, options, &need)) {
		settings_origin(options, SETTING_SIZE, object);
		return log_failure(object,
		    "%llu bytes are too few for %u slots%s: %llu are needed"
		    " (fewer --slots%s need less%s)",
		    (unsigned long long)options->size, options->slots,
		    geometry_has_logs(options->log_size) ? " with such logs" : "",
		    (unsigned long long)need,
		    geometry_has_logs(options->log_size) ? ", or a smaller --log-size," : "",
		    options->split ? "" : ", --raw needs none");
	}
	return 0;
}

int complete_geometry(struct options *options)
{
	struct geometry_error error;
	struct ivsh_geometry most;
	uint64_t need;
	char less[160];

	if (!options->geometry_file)
		return 0;
	if (geometry_read(options->geometry_file, &most, &error))
		return log_failure(error.object, "%s", error.what);
	/* The library's own geometry fits: complete_options() has made sure. */
	if (fit(&most, options, &need))
		return wrong(options->geometry_file, "no geometry of this memory");
	if ((options->split ? geometry_less_split : geometry_less)(
		&most, &options->geometry, options->size, less))
		log_failure(options->geometry_file, "%s", less);
	return 0;
}

/* Set and check all that depends on several options. */
int complete_options(struct options *options)
{
	char object[OPTIONS_OBJECT];

	if (set_socket(options) || set_control(options))
		return -1;
	if (options->is_legacy && options->daemon && !options->pid_file)
		options->pid_file = "/var/run/ivshmem-server.pid";
	if (options->classic && options->bound_count > 0)
		return refuse(options, SETTING_SLOT,
		    "with --classic (as under the name ivshmem-server) IDs grow, none can be bound:"
		    " give --classic=no, or no --slot");
	if (set_split(options))
		return -1;
	set_slots(options);
	round_size(options);
	if (options->kind == BACKEND_HUGETLB && options->size < options->huge_page) {
		settings_origin(options, SETTING_HUGETLB, object);
		return log_failure(object,
		    "%llu bytes do not fill one page of %llu: give -l %lluM, or more",
		    (unsigned long long)options->size, (unsigned long long)options->huge_page,
		    (unsigned long long)options->huge_page >> 20);
	}
	if (set_geometry(options))
		return -1;
	return bindings_bind(options);
}
