/* SPDX-License-Identifier: MIT */
/*
 * status.c - ivsh-server status: show a running server and its clients.
 */
#include "control/cmdline.h"
#include "control/commands.h"
#include "control/formats.h"
#include "control/print.h"
#include "control/query.h"

#include <stdio.h>

enum {
	OPTION_JSON = CMDLINE_OWN,
	OPTION_PROMETHEUS
};

/* Bits of cmdline.flags. */
enum {
	IS_JSON = 1,
	IS_PROMETHEUS = 2
};

static const struct option options[] = {
    CMDLINE_COMMON,
    {"json", no_argument, NULL, OPTION_JSON},
    {"prometheus", no_argument, NULL, OPTION_PROMETHEUS},
    {NULL, 0, NULL, 0},
};

static const char help[] =
    "Usage: ivsh-server status [OPTION]...\n"
    "Shows a running server: its memory, sockets and counts, and who is connected.\n"
    "\n" CMDLINE_HELP "      --json            one JSON object\n"
    "      --prometheus      metrics; of a server that is not there: ivsh_up 0, and status 0\n"
    "  -h, --help            show this\n"
    "\n"
    "Without -S, -c and --control: for root /run/ivsh.sock, or the service's\n"
    "/run/ivsh/default/ivsh.sock; for others $XDG_RUNTIME_DIR/ivsh.sock.\n";

/*
 * A server that is not there is data for Prometheus. A textfile that is made with "status
 * --prometheus >new && mv new ivsh.prom" must be replaced by that, so the exit status is 0.
 */
static int print_status(const char *path, unsigned flags)
{
	struct query query;

	if (query_open(&query, path)) {
		if (flags != IS_PROMETHEUS)
			return 1;
		prometheus_show_down(stdout, path);
		return print_flush(0);
	}
	if (flags == IS_JSON)
		json_show(stdout, &query.answer, path);
	else if (flags == IS_PROMETHEUS)
		prometheus_show(stdout, &query.answer, path);
	else
		text_show(stdout, &query.answer, path);
	query_close(&query);
	return print_flush(0);
}

int control_status(int argc, char **argv)
{
	struct cmdline cmdline = {.options = options, .help = help};
	int status = cmdline_parse(&cmdline, argc, argv);

	if (status >= 0)
		return status;
	if (cmdline.flags == (IS_JSON | IS_PROMETHEUS))
		return print_error(2, "status", "give --json or --prometheus, not both");
	if (optind < argc)
		return print_error(2, argv[optind], "status takes no arguments, only options");
	status = socketpath_find(&cmdline.server);
	return status ? status : print_status(cmdline.server.path, cmdline.flags);
}
