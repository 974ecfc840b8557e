/* SPDX-License-Identifier: MIT */
/*
 * main.c - ivsh-server: the supervisor, a server, or one of the commands that query a server.
 */
#include "config/complete.h"
#include "config/parse.h"
#include "control/commands.h"
#include "process/inherited.h"
#include "process/log.h"
#include "process/notify.h"
#include "server/prepare.h"
#include "server/serve.h"
#include "supervisor/daemon.h"
#include "supervisor/start.h"

#include <signal.h>
#include <string.h>

/* These signals stay pending until the loop reads them, so that nothing is left half done. */
static void fill_held(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, SIGTERM);
	sigaddset(set, SIGINT);
	sigaddset(set, SIGHUP);
	sigaddset(set, SIGCHLD);
}

/* These would end a process that writes to a pipe or a terminal that is gone. */
static void ignore_signals(void)
{
	signal(SIGPIPE, SIG_IGN);
	signal(SIGTTOU, SIG_IGN);
}

/* The supervisor started it with these signals blocked, and it never unblocks them. */
static int run_server(int argc, char **argv)
{
	sigset_t held;

	fill_held(&held);
	if (inherited_reset(&held, NULL))
		return 1;
	ignore_signals();
	return serve(argc, argv);
}

/* A daemon gives up the descriptors, and the terminal or pipe, of the process that started it. */
static void leave_starter(void)
{
	daemon_let_go();
	if (log_open_system() && !daemon_keeps_stderr())
		log_event(
		    "event=warning what=no-log hint=\"/dev/log is not there: this daemon's log"
		    " goes nowhere: give 2>FILE\"");
}

static int supervise(int argc, char **argv)
{
	static struct supervisor supervisor;
	sigset_t held;
	int status;

	ignore_signals();
	status = parse_command_line(&supervisor.options, argc, argv, -1);
	if (status == PARSE_GO && complete_geometry(&supervisor.options))
		status = PARSE_WRONG;
	if (status == PARSE_GO) {
		log_open(supervisor.options.verbose);
		if (supervisor.options.daemon)
			leave_starter();
		notify_open();
		fill_held(&held);
		sigprocmask(SIG_BLOCK, &held, NULL);
		if (supervisor.options.daemon && daemon_fork())
			status = 1;
		else
			status = start_supervisor(&supervisor, argv);
	}
	options_free(&supervisor.options);
	return status;
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		int (*run)(int argc, char **argv);
	} commands[] = {
	    {"status", control_status},
	    {"qemu-args", control_qemu_args},
	    {"release", control_release},
	    {"stop", control_stop},
	};

	if (prepare_is_wanted())
		return run_server(argc, argv);
	if (inherited_reset(NULL, NULL))
		return 1;
	for (size_t i = 0; argc > 1 && i < sizeof(commands) / sizeof(commands[0]); i++)
		if (!strcmp(argv[1], commands[i].name))
			return commands[i].run(argc - 1, argv + 1);
	return supervise(argc, argv);
}
