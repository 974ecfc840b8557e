/* SPDX-License-Identifier: MIT */
/*
 * release.c - ivsh-server release: end the connection of a slot's client, so that another gets the
 * slot.
 */
#include "control/cmdline.h"
#include "control/commands.h"
#include "control/find.h"
#include "control/print.h"
#include "control/query.h"
#include "control/request.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	STATUS_FAILED = 1,
	STATUS_USAGE = 2,
	STATUS_FREE = 3,
	STATUS_NOT_PERMITTED = 4,
	STATUS_HANDSHAKING = 5
};

static const struct option options[] = {
    CMDLINE_COMMON,
    {NULL, 0, NULL, 0},
};

static const char help[] =
    "Usage: ivsh-server release [OPTION]... SLOT\n"
    "Ends the connection of the client that holds SLOT, a number or a name, so that the next one\n"
    "on its socket gets the slot: the destination of a migration, for one. First see to it that\n"
    "no machine uses the device any more (device_del): two machines with one slot destroy each\n"
    "other's messages.\n"
    "\n" CMDLINE_HELP "  -h, --help            show this\n";

/* Find the ID of the slot that (word) means. 0; or the exit status after one line. */
static int find_id(const char *path, const char *word, uint64_t *id)
{
	struct query query;
	uint64_t slots;

	if (query_open(&query, path))
		return STATUS_FAILED;
	*id = find_slot(&query.answer, word);
	slots = query.answer.slots;
	query_close(&query);
	if (*id != ANSWER_NONE)
		return 0;
	return print_error(STATUS_USAGE, word,
	    "no slot has this number or name: ivsh-server status shows the %" PRIu64 " slots",
	    slots);
}

/* Whether the answer's first line begins with (text). */
static bool says(const char *answer, const char *text)
{
	return !strncmp(answer, text, strlen(text));
}

/* Print what the server has answered. Returns the exit status. */
static int explain(const char *path, const char *word, const char *answer)
{
	if (says(answer, "released "))
		return 0;
	if (says(answer, "error what=free\n"))
		return print_error(
		    STATUS_FREE, word, "no client holds this slot: there is nothing to release");
	if (says(answer, "error what=not-permitted\n"))
		return print_error(
		    STATUS_NOT_PERMITTED, word, "not permitted: ask as the server's user or root");
	if (says(answer, "error what=handshaking "))
		return print_error(
		    STATUS_HANDSHAKING, word, "its client is connecting just now: try again");
	if (says(answer, "error what=no-such-slot\n"))
		return print_error(STATUS_USAGE, word,
		    "no client has this ID, and no slot: see ivsh-server status");
	if (says(answer, "error what=unknown-request\n"))
		return print_error(STATUS_FAILED, path,
		    "this server is older than the command, and releases no slot: end the client");
	return print_error(
	    STATUS_FAILED, path, "the server ended in the midst of its answer: try again");
}

int control_release(int argc, char **argv)
{
	struct cmdline cmdline = {.options = options, .help = help};
	const char *path = cmdline.server.path, *word;
	char line[32], *text;
	uint64_t id;
	size_t size;
	uid_t user;
	int status = cmdline_parse(&cmdline, argc, argv);

	if (status >= 0)
		return status;
	if (argc - optind != 1)
		return print_error(STATUS_USAGE, argc == optind ? "release" : argv[optind + 1],
		    "release takes one slot, a number or a name");
	word = argv[optind];
	status = socketpath_find(&cmdline.server);
	if (status == 0)
		status = find_id(path, word, &id);
	if (status)
		return status;
	snprintf(line, sizeof(line), "release %" PRIu64 "\n", id);
	if (request_send(path, line, &text, &size, &user))
		return STATUS_FAILED;
	status = explain(path, word, text);
	free(text);
	return status;
}
