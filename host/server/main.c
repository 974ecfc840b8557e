/* SPDX-License-Identifier: MIT */
/*
 * main.c - ivsh-server: what the program was called for.
 */
#include "config/parse.h"
#include "control/commands.h"
#include "process/inherited.h"
#include "process/log.h"
#include "server/prepare.h"
#include "server/serve.h"
#include "supervisor/daemon.h"
#include "supervisor/notify.h"
#include "supervisor/start.h"

#include <signal.h>
#include <string.h>

/* The signals that wait until a loop looks at them, so that nothing is left half done. */
static void hold_signals(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, SIGTERM);
	sigaddset(set, SIGINT);
	sigaddset(set, SIGHUP);
	sigaddset(set, SIGCHLD);
}

/* What would end a process that only wants to say something. */
static void ignore_signals(void)
{
	signal(SIGPIPE, SIG_IGN);
	signal(SIGTTOU, SIG_IGN);
}

/* As a server it was started with these signals held, and never lets go of them. */
static int run_server(int argc, char **argv)
{
	sigset_t held;

	hold_signals(&held);
	if (inherited_reset(&held, NULL))
		return 1;
	ignore_signals();
	return serve(argc, argv);
}

/* What a daemon leaves behind: the descriptors, and the terminal or pipe, of who started it. */
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
	if (status == PARSE_GO) {
		log_open(supervisor.options.verbose);
		if (supervisor.options.daemon)
			leave_starter();
		notify_open();
		hold_signals(&held);
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
	if (prepare_is_wanted())
		return run_server(argc, argv);
	if (inherited_reset(NULL, NULL))
		return 1;
	if (argc > 1 && !strcmp(argv[1], "status"))
		return control_status(argc - 1, argv + 1);
	if (argc > 1 && !strcmp(argv[1], "qemu-args"))
		return control_qemu_args(argc - 1, argv + 1);
	if (argc > 1 && !strcmp(argv[1], "stop"))
		return control_stop(argc - 1, argv + 1);
	return supervise(argc, argv);
}
