/* SPDX-License-Identifier: MIT */
/*
 * args.c - ivsh-server qemu-args: what to give to QEMU, or libvirt, for a slot.
 *
 * What is to be copied goes to stdout, alone; what a reader should know goes to stderr.
 */
#include "control/commands.h"
#include "control/fetch.h"
#include "control/lend.h"
#include "control/place.h"
#include "control/say.h"
#include "control/write.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ARGS_LIBVIRT_SOCKET "/var/lib/libvirt/shmem-%s-sock"

enum {
	ARGS_PLAIN = PLACE_NEXT,
	ARGS_LIBVIRT
};

static const struct option args_long[] = {
    PLACE_LONG,
    {"plain", no_argument, NULL, ARGS_PLAIN},
    {"libvirt", no_argument, NULL, ARGS_LIBVIRT},
    {NULL, 0, NULL, 0},
};

static const char args_help[] =
    "Usage: ivsh-server qemu-args [OPTION]... [SLOT]\n"
    "Prints what gives a virtual machine the device for SLOT, a number or a name; without SLOT,\n"
    "for the common socket.\n"
    "\n"
    "  -S, --socket PATH     the server's common socket\n"
    "  -c, --config FILE     the server's configuration\n"
    "      --control PATH    the server's control socket; the socket's path and .control\n"
    "      --plain           ivshmem-plain: the same memory, without ID and doorbells\n"
    "      --libvirt         an element for a libvirt domain's <devices>\n"
    "  -h, --help            show this\n";

struct args {
	struct place place;
	const char *slot; /* NULL: not given */
	bool is_plain;
	bool is_libvirt;
};

static void args_note(const struct args *args, const char *note)
{
	say(0, args->slot ? args->slot : "note", "%s", note);
}

/* The number that (text) stands for; ANSWER_NONE: neither a slot nor a slot's name. */
static uint64_t args_slot(const struct answer *answer, const char *text)
{
	size_t digits = strspn(text, "0123456789");

	if (digits > 0 && digits < 6 && !text[digits]) {
		uint64_t slot = strtoull(text, NULL, 10);

		return slot < answer->slots ? slot : ANSWER_NONE;
	}
	for (size_t i = 0; i < answer->slot_count; i++)
		if (answer->slot[i].name && !strcmp(answer->slot[i].name, text))
			return answer->slot[i].id;
	for (size_t i = 0; i < answer->listener_count; i++)
		if (answer->listener[i].name && !strcmp(answer->listener[i].name, text))
			return answer->listener[i].slot;
	return ANSWER_NONE;
}

/* The socket that is bound to (slot), or with ANSWER_NONE the common one; NULL: none. */
static const char *args_socket(const struct answer *answer, uint64_t slot)
{
	for (size_t i = 0; i < answer->listener_count; i++)
		if (answer->listener[i].slot == slot)
			return answer->listener[i].socket;
	return NULL;
}

/* What is copied goes to a shell or into a domain as it is: it must not steer a terminal before. */
static int args_check(const struct args *args, const char *text)
{
	if (write_is_showable(text))
		return 0;
	return say(1, args->place.path,
	    "a path or name has bytes that are no text or steer a terminal, and cannot be printed for"
	    " copying: %s",
	    text);
}

static int args_plain(
    const struct args *args, const struct lend *lend, uint64_t slot, bool is_bound)
{
	const struct answer *answer = lend->answer;

	if (args->is_libvirt) {
		if (libvirt_plain(stdout, lend, args->place.path))
			return 1;
	} else {
		qemu_plain(stdout, lend);
	}
	if (!args->is_libvirt && !strncmp(answer->path, "/proc/", 6))
		args_note(args,
		    "the memory is found through the server's process: QEMU must run as its user or"
		    " as root, and needs another line after the server was started again");
	if (answer->lost == 1)
		args_note(args, "the server has lost this memory: start it again");
	if (answer->raw || slot == ANSWER_NONE)
		return 0;
	say(0, args->slot,
	    "ivshmem-plain gives no ID: the guest's command line needs --slot=%" PRIu64, slot);
	if (!is_bound)
		args_note(args,
		    "it is not bound: the server may give it to another as well; start the server with"
		    " --slot WHO=PATH for it");
	return 0;
}

/* Where libvirt would look by itself, and what its AppArmor profile allows: virt-aa-helper.c. */
static void args_path(const struct args *args, const struct lend *lend)
{
	char path[PATH_MAX];

	snprintf(path, sizeof path, ARGS_LIBVIRT_SOCKET, lend->name);
	if (args->is_libvirt && strcmp(path, lend->socket) != 0)
		say(0, args->slot ? args->slot : "note",
		    "where AppArmor confines virtual machines, libvirt's profile allows %s without a"
		    " word, and this path by a rule of its own at the most: give the server %s %s%s%s",
		    path, args->slot ? "--slot" : "-S", args->slot ? args->slot : "",
		    args->slot ? "=" : "", path);
}

static int args_doorbell(const struct args *args, const struct lend *lend, bool is_bound)
{
	const struct answer *answer = lend->answer;

	if (!lend->socket)
		return say(1, args->place.path, "the server has no common socket");
	if (answer->vectors == 0)
		return say(1, args->place.path,
		    "the server has 0 vectors, and ivshmem-doorbell needs one: start the server with -n 1"
		    " or more, or use --plain");
	if (!is_bound && !strcmp(answer->mode, "slots"))
		args_note(args,
		    "this is the common socket, where the ID is the lowest free slot that is"
		    " not bound; --slot WHO=PATH of the server binds one");
	if (*lend->socket != '/')
		args_note(args, "the server was given this path relative to where it was started");
	args_path(args, lend);
	if (args->is_libvirt)
		libvirt_doorbell(stdout, lend);
	else
		qemu_doorbell(stdout, lend);
	return 0;
}

static int args_show(const struct args *args, const struct answer *answer)
{
	struct lend lend = {.answer = answer, .name = "ivsh"};
	uint64_t slot = ANSWER_NONE;
	bool is_bound;

	if (args->slot && strcmp(answer->mode, "slots") != 0)
		return say(1, args->slot,
		    "this server gives growing IDs (--classic), nobody can choose one: leave SLOT out");
	/* libvirt takes no / in a name. */
	if (args->slot && !strchr(args->slot, '/'))
		lend.name = args->slot;
	if (args->slot) {
		slot = args_slot(answer, args->slot);
		if (slot == ANSWER_NONE)
			return say(1, args->slot,
			    "no such slot: the server has 0 to %" PRIu64 ", and those of --slot",
			    answer->slots - 1);
	}
	lend.socket = args_socket(answer, slot);
	is_bound = slot != ANSWER_NONE && lend.socket;
	if (!lend.socket)
		lend.socket = args_socket(answer, ANSWER_NONE);
	if (args_check(args, lend.name) || args_check(args, args->is_plain ? answer->path
							    : lend.socket  ? lend.socket
									   : ""))
		return 1;
	if (args->is_plain)
		return args_plain(args, &lend, slot, is_bound);
	return args_doorbell(args, &lend, is_bound);
}

/* 0, or the exit status. */
static int args_parse(struct args *args, int argc, char **argv, bool *help)
{
	int letter;

	*help = false;
	argv[0] = program_invocation_short_name; /* getopt_long() begins its lines with it */
	optind = 0;
	while ((letter = getopt_long(argc, argv, PLACE_SHORT, args_long, NULL)) != -1) {
		if (letter == '?')
			return 2; /* getopt_long() has said what is wrong */
		if (letter == 'h')
			*help = true;
		else if (letter == ARGS_PLAIN)
			args->is_plain = true;
		else if (letter == ARGS_LIBVIRT)
			args->is_libvirt = true;
		else
			place_option(&args->place, letter, optarg);
	}
	if (*help || optind == argc)
		return 0;
	args->slot = argv[optind++];
	return optind == argc ? 0 : say(2, argv[optind], "one word too many: give one slot");
}

int control_qemu_args(int argc, char **argv)
{
	static struct args args;
	struct fetch fetch;
	bool help;
	int status;

	memset(&args, 0, sizeof args);
	status = args_parse(&args, argc, argv, &help);
	if (status == 0 && help) {
		fputs(args_help, stdout);
		return say_end(0);
	}
	if (status == 0)
		status = place_find(&args.place);
	if (status || fetch_open(&fetch, args.place.path))
		return status ? status : 1;
	status = args_show(&args, &fetch.answer);
	fetch_close(&fetch);
	return say_end(status);
}
