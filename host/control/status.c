/* SPDX-License-Identifier: MIT */
/*
 * status.c - ivsh-server status: who is there.
 */
#include "control/commands.h"
#include "control/fetch.h"
#include "control/place.h"
#include "control/say.h"
#include "control/show.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

enum {
	STATUS_JSON = PLACE_NEXT,
	STATUS_PROMETHEUS
};

static const struct option status_long[] = {
    PLACE_LONG,
    {"json", no_argument, NULL, STATUS_JSON},
    {"prometheus", no_argument, NULL, STATUS_PROMETHEUS},
    {NULL, 0, NULL, 0},
};

static const char status_help[] =
    "Usage: ivsh-server status [OPTION]...\n"
    "Shows a running server: its memory, sockets and counts, and who is connected.\n"
    "\n"
    "  -S, --socket PATH     the server's common socket\n"
    "  -c, --config FILE     the server's configuration\n"
    "      --control PATH    the server's control socket; the socket's path and .control\n"
    "      --json            one JSON object\n"
    "      --prometheus      metrics; of a server that is not there: ivsh_up 0, and status 0\n"
    "  -h, --help            show this\n"
    "\n"
    "Without a place: /run/ivsh.sock, or the service's /run/ivsh/default/ivsh.sock, for root; else\n"
    "$XDG_RUNTIME_DIR/ivsh.sock.\n";

/*
 * Prometheus wants to know of a server that is not there: that is data, and a textfile made with
 * "status --prometheus >new && mv new ivsh.prom" must be replaced by it.
 */
static int status_show(struct place *place, int format)
{
	struct fetch fetch;

	if (fetch_open(&fetch, place->path)) {
		if (format != STATUS_PROMETHEUS)
			return 1;
		prometheus_show_down(stdout, place->path);
		return say_end(0);
	}
	if (format == STATUS_JSON)
		json_show(stdout, &fetch.answer, place->path);
	else if (format == STATUS_PROMETHEUS)
		prometheus_show(stdout, &fetch.answer, place->path);
	else
		text_show(stdout, &fetch.answer, place->path);
	fetch_close(&fetch);
	return say_end(0);
}

int control_status(int argc, char **argv)
{
	static struct place place;
	int letter, status, format = 0;

	memset(&place, 0, sizeof place);
	argv[0] = program_invocation_short_name; /* getopt_long() begins its lines with it */
	optind = 0;
	while ((letter = getopt_long(argc, argv, PLACE_SHORT, status_long, NULL)) != -1) {
		if (letter == '?')
			return 2; /* getopt_long() has said what is wrong */
		if (letter == 'h') {
			fputs(status_help, stdout);
			return say_end(0);
		}
		if (place_option(&place, letter, optarg))
			continue;
		if (format && format != letter)
			return say(2, "status", "give --json or --prometheus, not both");
		format = letter;
	}
	if (optind < argc)
		return say(2, argv[optind], "status takes no arguments, only options");
	status = place_find(&place);
	return status ? status : status_show(&place, format);
}
