/* SPDX-License-Identifier: MIT */
/*
 * qemu_args.c - ivsh-server qemu-args: print the options of QEMU, or the element of libvirt, that
 * give a virtual machine the device of a slot.
 *
 * Only what the user copies goes to stdout. Notes for the user go to stderr.
 */
#include "control/cmdline.h"
#include "control/commands.h"
#include "control/device.h"
#include "text/escape.h"
#include "control/find.h"
#include "control/print.h"
#include "control/query.h"

#include <inttypes.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LIBVIRT_SOCKET "/var/lib/libvirt/shmem-%s-sock"

enum {
	OPTION_PLAIN = CMDLINE_OWN,
	OPTION_LIBVIRT,
	OPTION_SEND_ONLY
};

/* Bits of cmdline.flags. */
enum {
	IS_PLAIN = 1,
	IS_LIBVIRT = 2,
	IS_SEND_ONLY = 4
};

static const struct option options[] = {
    CMDLINE_COMMON,
    {"plain", no_argument, NULL, OPTION_PLAIN},
    {"libvirt", no_argument, NULL, OPTION_LIBVIRT},
    {"send-only", no_argument, NULL, OPTION_SEND_ONLY},
    {NULL, 0, NULL, 0},
};

static const char help[] =
    "Usage: ivsh-server qemu-args [OPTION]... [SLOT]\n"
    "  or:  ivsh-server qemu-args [OPTION]... --send-only SLOT PEER...\n"
    "Prints what gives a virtual machine the device for SLOT, a number or a name; without SLOT,\n"
    "for the common socket. Of a split region: the devices, and SLOT is needed.\n"
    "\n" CMDLINE_HELP
    "      --plain           ivshmem-plain: the same memory, without ID and doorbells\n"
    "      --libvirt         an element for a libvirt domain's <devices>\n"
    "      --send-only       of a split region: the machine can send to the slots PEER, and\n"
    "                        maps nothing of what they send\n"
    "  -h, --help            show this\n";

/* The user's request. */
struct args {
	const char *slot; /* NULL: not given */
	const char *path; /* the control socket, for messages */
	bool is_plain;
	bool is_libvirt;
	char **peer; /* with --send-only: the words behind SLOT */
	int peers;
};

/* The subject of a note. */
static const char *subject(const struct args *args)
{
	return args->slot ? args->slot : "note";
}

/* The socket that is bound to (slot); with ANSWER_NONE, the common socket. NULL: there is none. */
static const char *find_socket(const struct answer *answer, uint64_t slot)
{
	for (size_t i = 0; i < answer->listener_count; i++)
		if (answer->listener[i].slot == slot)
			return answer->listener[i].socket;
	return NULL;
}

/*
 * The user copies (text) from the terminal to a shell or a domain: it must be shown as it is.
 * Returns 0, or -1 after one line.
 */
static int check_showable(const struct args *args, const char *text)
{
	if (escape_is_showable(text))
		return 0;
	return print_error(-1, args->path,
	    "a path or name has bytes that are no text or steer a terminal, and cannot be printed"
	    " for copying: %s",
	    text);
}

static int print_plain(
    const struct args *args, const struct device *device, uint64_t slot, bool is_bound)
{
	const struct answer *answer = device->answer;

	if (args->is_libvirt) {
		if (libvirt_plain(stdout, device, args->path))
			return -1;
	} else {
		qemu_plain(stdout, device);
	}
	if (!args->is_libvirt && !strncmp(answer->path, "/proc/", 6))
		print_note(subject(args),
		    "the memory is found through the server's process: QEMU must run as its user or"
		    " as root, and needs another line after the server was started again");
	if (answer->lost == 1)
		print_note(subject(args), "the server has lost this memory: start it again");
	if (answer->raw || slot == ANSWER_NONE)
		return 0;
	print_note(subject(args),
	    "ivshmem-plain gives no ID: the guest's command line needs --slot=%" PRIu64, slot);
	if (!is_bound)
		print_note(subject(args),
		    "it is not bound: the server may give it to another as well; start the server"
		    " with --slot WHO=PATH for it");
	return 0;
}

/*
 * libvirt's AppArmor profile allows one path without a rule of its own (virt-aa-helper.c): print a
 * note if the server listens elsewhere.
 */
static void note_apparmor(const struct args *args, const struct device *device)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), LIBVIRT_SOCKET, device->name);
	if (args->is_libvirt && strcmp(path, device->socket) != 0)
		print_note(subject(args),
		    "where AppArmor confines virtual machines, libvirt's profile allows %s by"
		    " itself, and this path only by another rule: give the server %s %s%s%s",
		    path, args->slot ? "--slot" : "-S", args->slot ? args->slot : "",
		    args->slot ? "=" : "", path);
}

static int print_doorbell(const struct args *args, const struct device *device, bool is_bound)
{
	const struct answer *answer = device->answer;

	if (!device->socket)
		return print_error(-1, args->path, "the server has no common socket");
	if (answer->vectors == 0)
		return print_error(-1, args->path,
		    "the server has 0 vectors, and ivshmem-doorbell needs one: start the server"
		    " with -n 1 or more, or use --plain");
	if (!is_bound && !strcmp(answer->mode, "slots"))
		print_note(subject(args),
		    "this is the common socket, where the ID is the lowest free slot that is"
		    " not bound; --slot WHO=PATH of the server binds one");
	if (*device->socket != '/')
		print_note(subject(args),
		    "the server was given this path relative to where it was started");
	note_apparmor(args, device);
	if (args->is_libvirt)
		libvirt_doorbell(stdout, device);
	else
		qemu_doorbell(stdout, device);
	return 0;
}

/* Fill (device) for the slot that the user names, or the common socket. 0, or -1 after one line. */
static int choose_device(
    const struct args *args, struct device *device, uint64_t *slot, bool *is_bound)
{
	const struct answer *answer = device->answer;

	if (args->slot && strcmp(answer->mode, "slots") != 0)
		return print_error(-1, args->slot,
		    "this server gives growing IDs (--classic), nobody can choose one: leave SLOT"
		    " out");
	if (args->slot)
		*slot = find_slot(answer, args->slot);
	if (args->slot && *slot == ANSWER_NONE)
		return print_error(-1, args->slot,
		    "no such slot: the server has 0 to %" PRIu64 ", and those of --slot",
		    answer->slots - 1);
	/* libvirt refuses a name with a slash. */
	device->name = args->slot && !strchr(args->slot, '/') ? args->slot : "ivsh";
	device->socket = find_socket(answer, *slot);
	*is_bound = *slot != ANSWER_NONE && device->socket;
	if (!device->socket)
		device->socket = find_socket(answer, ANSWER_NONE);
	return 0;
}

/* Why there is no line for a machine in (slot) of a split region; NULL: there is one. */
static const char *find_split_fault(
    const struct args *args, const struct answer *answer, uint64_t slot, bool is_bound)
{
	if (args->is_libvirt)
		return "the region is split, and libvirt's shmem element opens no memory for"
		       " reading alone: give a domain the line without --libvirt, in"
		       " <qemu:commandline>";
	if (slot == ANSWER_NONE)
		return "the region is split, and a machine writes the part of its own slot: give"
		       " SLOT";
	if (!is_bound)
		return "the region is split, and without a socket of its own the machine may get"
		       " another slot, whose part it cannot write: start the server with --slot"
		       " WHO=PATH for it";
	if (answer->part == ANSWER_NONE || answer->slots > DEVICE_PARTS_MAX)
		return "the region is split, and has more parts than a PCI bus has room for:"
		       " start the server with 128 slots at most";
	return NULL;
}

/* Enter the slots that the machine only sends to. 0, or -1 after one line. */
static int choose_short(const struct args *args, struct device *device, uint64_t self)
{
	for (int i = 0; i < args->peers; i++) {
		uint64_t slot = find_slot(device->answer, args->peer[i]);

		if (slot == ANSWER_NONE)
			return print_error(-1, args->peer[i],
			    "no such slot: the server has 0 to %" PRIu64 ", and those of --slot",
			    device->answer->slots - 1);
		if (slot == self)
			return print_error(-1, args->peer[i],
			    "--send-only: this is the machine's own slot, all of which it needs");
		if (slot < DEVICE_PARTS_MAX)
			device->is_short[slot] = true;
	}
	if (args->peers == 0 || device->answer->part_short != ANSWER_NONE)
		return 0;
	return print_error(-1, args->path,
	    "--send-only: the server is an older one, which does not say how long the beginning of"
	    " a part is: start it again");
}

static int print_split(const struct args *args, struct device *device, uint64_t slot, bool is_bound)
{
	const struct answer *answer = device->answer;
	const char *fault = find_split_fault(args, answer, slot, is_bound || args->is_plain);

	if (fault)
		return print_error(-1, args->slot ? args->slot : args->path, "%s", fault);
	if (choose_short(args, device, slot))
		return -1;
	if (!args->is_plain && answer->vectors == 0)
		return print_error(-1, args->path,
		    "the server has 0 vectors, and ivshmem-doorbell needs one: start the server"
		    " with -n 1 or more, or use --plain");
	if (*answer->path != '/')
		print_note(
		    subject(args), "the server was given a path relative to where it was started");
	if (args->is_plain && !is_bound)
		print_note(subject(args),
		    "it is not bound: the server may give it to another as well; start the server"
		    " with --slot WHO=PATH for it");
	qemu_split(stdout, device, slot, args->is_plain);
	return 0;
}

static int print_args(const struct args *args, const struct answer *answer)
{
	struct device device = {.answer = answer};
	const char *shown;
	uint64_t slot = ANSWER_NONE;
	bool is_bound = false;

	if (choose_device(args, &device, &slot, &is_bound))
		return -1;
	shown = args->is_plain ? answer->path : device.socket;
	if (check_showable(args, device.name) || (shown && check_showable(args, shown)))
		return -1;
	if (answer->split == 1)
		return check_showable(args, answer->path)
			   ? -1
			   : print_split(args, &device, slot, is_bound);
	if (args->peers != 0)
		return print_error(-1, args->path,
		    "--send-only: the region is one memory, of which a machine maps all: start the"
		    " server with --split, or give the guest's command --send-only=SLOTS");
	if (args->is_plain)
		return print_plain(args, &device, slot, is_bound);
	return print_doorbell(args, &device, is_bound);
}

int control_qemu_args(int argc, char **argv)
{
	struct cmdline cmdline = {.options = options, .help = help};
	struct args args = {.path = cmdline.server.path};
	struct query query;
	int status = cmdline_parse(&cmdline, argc, argv);

	if (status >= 0)
		return status;
	args.is_plain = cmdline.flags & IS_PLAIN;
	args.is_libvirt = cmdline.flags & IS_LIBVIRT;
	if (optind < argc)
		args.slot = argv[optind++];
	if (cmdline.flags & IS_SEND_ONLY) {
		args.peer = argv + optind;
		args.peers = argc - optind;
		if (args.peers == 0)
			return print_error(2, "--send-only",
			    "whom does the machine send to? give its SLOT, and then theirs");
	} else if (optind < argc) {
		return print_error(2, argv[optind], "one word too many: give one slot");
	}
	status = socketpath_find(&cmdline.server);
	if (status)
		return status;
	if (query_open(&query, args.path))
		return 1;
	status = print_args(&args, &query.answer) ? 1 : 0;
	query_close(&query);
	return print_flush(status);
}
