/* SPDX-License-Identifier: MIT */
/*
 * main.c - ivsh-server: what the program was called for.
 */
#include "commands.h"
#include "daemon.h"
#include "keeper.h"
#include "log.h"
#include "notify.h"
#include "options.h"
#include "server.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

/* From here on a signal waits until a loop looks at it, so that nothing is left half done. */
static void main_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
}

/* No descriptor of ours becomes somebody's stdout, because it was closed. */
static int main_stdio(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd < 0)
		return -1;
	return close(fd);
}

static int main_keep(int argc, char **argv)
{
	static struct keeper keeper;
	int status = options_parse(&keeper.options, argc, argv, -1);

	if (status == OPTIONS_GO) {
		log_open(keeper.options.verbose);
		notify_open();
		main_signals();
		if (keeper.options.daemon && daemon_fork())
			status = 1;
		else
			status = keeper_main(&keeper, argv);
	}
	options_free(&keeper.options);
	return status;
}

int main(int argc, char **argv)
{
	if (main_stdio())
		return 1;
	if (server_is_wanted()) {
		main_signals();
		return server_main(argc, argv);
	}
	if (argc > 1 && !strcmp(argv[1], "status"))
		return control_status(argc - 1, argv + 1);
	if (argc > 1 && !strcmp(argv[1], "qemu-args"))
		return control_qemu_args(argc - 1, argv + 1);
	return main_keep(argc, argv);
}
