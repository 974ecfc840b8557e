/* SPDX-License-Identifier: MIT */
/*
 * options.c - the command line.
 *
 * The short options are those of QEMU's contrib/ivshmem-server, with the same meaning.
 */
#include "options.h"
#include "log.h"
#include "sizes.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define OPTIONS_VECTORS_MAX 2048u /* PCI Local Bus Specification 3.0, 6.8.2: MSI-X table size */
#define OPTIONS_PEERS_MAX 65536u  /* a peer's ID has 16 bits; ivshmem-spec, "Device registers" */

/* Long options without a letter. */
enum {
	OPTIONS_DAEMON = 256,
	OPTIONS_FILE,
	OPTIONS_SLOTS,
	OPTIONS_SLOT,
	OPTIONS_RAW
};

static const struct option options_long[] = {
    {"help", no_argument, NULL, 'h'},
    {"verbose", no_argument, NULL, 'v'},
    {"foreground", no_argument, NULL, 'F'},
    {"daemon", no_argument, NULL, OPTIONS_DAEMON},
    {"pid-file", required_argument, NULL, 'p'},
    {"socket", required_argument, NULL, 'S'},
    {"shm", required_argument, NULL, 'M'},
    {"huge", required_argument, NULL, 'm'},
    {"file", required_argument, NULL, OPTIONS_FILE},
    {"size", required_argument, NULL, 'l'},
    {"vectors", required_argument, NULL, 'n'},
    {"slots", required_argument, NULL, OPTIONS_SLOTS},
    {"slot", required_argument, NULL, OPTIONS_SLOT},
    {"raw", no_argument, NULL, OPTIONS_RAW},
    {NULL, 0, NULL, 0},
};

static const char options_help[] =
    "Serves one shared memory, and the doorbells of its peers, to QEMU's ivshmem-doorbell.\n"
    "\n"
    "  -S, --socket PATH     the socket that peers connect to\n"
    "  -l, --size SIZE       bytes of memory, with K, M, G or T; rounded up to a power of two\n"
    "  -n, --vectors N       doorbell vectors per peer, 0 to 2048\n"
    "      --slots N         peers, at most; each has a fixed ID below N\n"
    "      --slot WHO=PATH   bind a slot, by its number or a name, to a socket of its own\n"
    "      --raw             never write into the memory\n"
    "  -M, --shm NAME        memory: a POSIX shared memory object\n"
    "  -m, --huge DIR        memory: an unlinked file in DIR, a hugetlbfs\n"
    "      --file PATH       memory: a file\n"
    "  -F, --foreground      stay in the foreground\n"
    "      --daemon          go to the background once ready\n"
    "  -p, --pid-file PATH   write the process ID there\n"
    "  -v, --verbose         log more\n"
    "  -h, --help            show this\n"
    "\n"
    "ivsh-server: foreground, sealed anonymous memory of 4M, 2 vectors, 8 slots,\n"
    "  /run/ivsh.sock for root, else $XDG_RUNTIME_DIR/ivsh.sock.\n"
    "ivshmem-server: QEMU's defaults: --daemon -p /var/run/ivshmem-server.pid\n"
    "  -S /tmp/ivshmem_socket -M ivshmem -l 4M -n 1, and --raw --slots 16.\n";

static int options_usage(const char *object, const char *what)
{
	log_failure(object, "%s", what);
	return 2;
}

/* QEMU's server puts itself in the background, its memory and socket where everybody looks. */
static void options_defaults(struct options *options, bool legacy)
{
	memset(options, 0, sizeof *options);
	options->kind = legacy ? BACKEND_SHM : BACKEND_MEMFD;
	options->memory = legacy ? "ivshmem" : NULL;
	options->socket = legacy ? "/tmp/ivshmem_socket" : NULL;
	options->daemon = legacy;
	options->raw = legacy;
	options->size = UINT64_C(4) << 20;
	options->vectors = legacy ? 1 : 2;
	options->slots = legacy ? 16 : 8; /* QEMU's device has room for 16 peers from the start */
}

static int options_size(struct options *options, const char *text)
{
	const char *wrong = sizes_parse(text, &options->size);
	uint64_t asked = options->size;

	if (wrong) {
		log_failure("-l", "%s: %s", text, wrong);
		return 2;
	}
	options->size = sizes_round(asked);
	if (options->size != asked)
		log_failure("-l", "%s: rounded up to %llu bytes: a BAR's size is a power of two",
		    text, (unsigned long long)options->size);
	return OPTIONS_GO;
}

/* WHO=PATH. Names get their numbers in options_bind(), when all are known. */
static int options_slot(struct options *options, char *text)
{
	char *equals = strchr(text, '=');
	struct options_slot *grown;

	if (!equals || equals == text || equals[1] == '\0')
		return options_usage("--slot", "give WHO=PATH: a number or a name, and a socket");
	*equals = '\0';
	for (const char *c = text; *c; c++)
		if (!isgraph((unsigned char)*c))
			return options_usage("--slot", "a name has printable characters only");
	grown = realloc(options->bound, (options->bound_count + 1) * sizeof *grown);
	if (!grown)
		return options_usage("--slot", strerror(errno));
	options->bound = grown;
	options->bound[options->bound_count++] =
	    (struct options_slot){.slot = UINT32_MAX, .name = text, .socket = equals + 1};
	return OPTIONS_GO;
}

static bool options_is_taken(const struct options *options, uint32_t slot)
{
	for (uint32_t i = 0; i < options->bound_count; i++)
		if (options->bound[i].slot == slot)
			return true;
	return false;
}

/* Numbers take the slots that they say; names then take the lowest ones left, in their order. */
static int options_bind(struct options *options)
{
	for (uint32_t i = 0; i < options->bound_count; i++) {
		struct options_slot *bound = &options->bound[i];
		uint32_t slot;

		for (uint32_t j = 0; j < i; j++)
			if (!strcmp(bound->socket, options->bound[j].socket) ||
			    !strcmp(bound->name, options->bound[j].name))
				return options_usage(
				    bound->name, "--slot: name or socket given twice");
		if (!strcmp(bound->socket, options->socket))
			return options_usage(bound->socket, "--slot: this is the common socket");
		if (bound->name[strspn(bound->name, "0123456789")])
			continue;
		if (sizes_count(bound->name, 0, options->slots - 1, &slot))
			return options_usage(bound->name, "--slot: there are not that many slots");
		if (options_is_taken(options, slot))
			return options_usage(bound->name, "--slot: slot given twice");
		bound->slot = slot;
	}
	for (uint32_t i = 0, next = 0; i < options->bound_count; i++) {
		if (options->bound[i].slot != UINT32_MAX)
			continue;
		while (options_is_taken(options, next))
			next++;
		if (next >= options->slots)
			return options_usage(
			    options->bound[i].name, "--slot: there are not that many slots");
		options->bound[i].slot = next;
	}
	return OPTIONS_GO;
}

/* What depends on several options. */
static int options_check(struct options *options, bool legacy)
{
	uint64_t need = 0;
	const char *runtime = getenv("XDG_RUNTIME_DIR");

	if (!options->socket) {
		if (geteuid() != 0 && (!runtime || !*runtime))
			return options_usage("-S", "XDG_RUNTIME_DIR is not set: give a socket");
		snprintf(options->default_socket, sizeof options->default_socket, "%s/ivsh.sock",
		    geteuid() == 0 ? "/run" : runtime);
		options->socket = options->default_socket;
	}
	if (legacy && options->daemon && !options->pid_file)
		options->pid_file = "/var/run/ivshmem-server.pid";
	if (options->raw)
		return options_bind(options);
	if (options->slots < IVSH_WIRE_SLOTS_MIN || options->slots > IVSH_WIRE_SLOTS_MAX) {
		log_failure("--slots", "a region has %u to %u slots; with --raw 1 to %u",
		    IVSH_WIRE_SLOTS_MIN, IVSH_WIRE_SLOTS_MAX, OPTIONS_PEERS_MAX);
		return 2;
	}
	if (ivsh_geometry_fit(options->size, options->slots, &options->geometry, &need)) {
		log_failure("-l",
		    "%llu bytes are too few for %u slots: %llu are needed"
		    " (fewer --slots need less, --raw needs none)",
		    (unsigned long long)options->size, options->slots, (unsigned long long)need);
		return 2;
	}
	return options_bind(options);
}

static int options_memory(struct options *options, enum backend_kind kind, const char *name)
{
	options->kind = kind;
	options->memory = name;
	return OPTIONS_GO;
}

static int options_number(
    const char *option, const char *text, uint32_t least, uint32_t most, uint32_t *count)
{
	const char *wrong = sizes_count(text, least, most, count);

	if (!wrong)
		return OPTIONS_GO;
	log_failure(option, "%s: %s: give %u to %u", text, wrong, least, most);
	return 2;
}

/* One option. Answers OPTIONS_GO or the exit status. */
static int options_one(struct options *options, int letter, char *argument)
{
	switch (letter) {
	case 'h':
		printf("Usage: %s [OPTION]...\n%s", program_invocation_short_name, options_help);
		return fflush(stdout) ? 1 : 0;
	case 'v':
		options->verbose = true;
		return OPTIONS_GO;
	case 'F':
		options->daemon = false;
		return OPTIONS_GO;
	case OPTIONS_DAEMON:
		options->daemon = true;
		return OPTIONS_GO;
	case OPTIONS_RAW:
		options->raw = true;
		return OPTIONS_GO;
	case 'p':
		options->pid_file = argument;
		return OPTIONS_GO;
	case 'S':
		options->socket = argument;
		return OPTIONS_GO;
	case 'M':
		return options_memory(options, BACKEND_SHM, argument);
	case 'm':
		return options_memory(options, BACKEND_HUGE, argument);
	case OPTIONS_FILE:
		return options_memory(options, BACKEND_FILE, argument);
	case 'l':
		return options_size(options, argument);
	case 'n':
		return options_number("-n", argument, 0, OPTIONS_VECTORS_MAX, &options->vectors);
	case OPTIONS_SLOTS:
		return options_number("--slots", argument, 1, OPTIONS_PEERS_MAX, &options->slots);
	case OPTIONS_SLOT:
		return options_slot(options, argument);
	default:
		return 2; /* getopt_long() has said what is wrong */
	}
}

int options_parse(struct options *options, int argc, char **argv)
{
	bool legacy = !strcmp(program_invocation_short_name, "ivshmem-server");
	int letter, status;

	options_defaults(options, legacy);
	while ((letter = getopt_long(argc, argv, "hvFp:S:M:m:l:n:", options_long, NULL)) != -1) {
		status = options_one(options, letter, optarg);
		if (status != OPTIONS_GO)
			return status;
	}
	if (optind < argc)
		return options_usage(argv[optind], "takes no arguments, only options");
	return options_check(options, legacy);
}
