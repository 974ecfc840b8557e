/* SPDX-License-Identifier: MIT */
/*
 * main.c - ivsh-bridge: peers of other hosts as peers of this region, over NATS.
 */
#include "bridge/config.h"
#include "bridge/confine.h"
#include "bridge/loop.h"
#include "bridge/status.h"
#include "bridge/trust.h"
#include "process/inherited.h"
#include "process/log.h"

#include <ivsh/version.h>

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
	DONE = 0,
	FAILED = 1,
	USAGE = 2,
};

static const struct option options[] = {
    {"config", required_argument, NULL, 'c'},
    {"check", no_argument, NULL, 'C'},
    {"status", no_argument, NULL, 's'},
    {"json", no_argument, NULL, 'j'},
    {"prometheus", no_argument, NULL, 'p'},
    {"help", no_argument, NULL, 'h'},
    {"version", no_argument, NULL, 'V'},
    {NULL, 0, NULL, 0},
};

/* What was to be shown, was it? */
static int shown(void)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return DONE;
	log_failure("stdout", "%s", strerror(errno));
	return FAILED;
}

static int help(void)
{
	puts("usage: ivsh-bridge --config FILE [--check | --status | --json | --prometheus]\n"
	     "Makes peers of another host peers of a region here, over NATS.\n"
	     "\n"
	     "  -c, --config FILE  the region, the bus, and who is who\n"
	     "      --check        say what is wrong with FILE, and with its secrets\n"
	     "      --status       what the bridge that runs with FILE has done\n"
	     "      --json         the same, as one object of JSON\n"
	     "      --prometheus   the same, as metrics for Prometheus\n"
	     "  -h, --help         this\n"
	     "      --version      the version\n"
	     "\n"
	     "What FILE says, and an example for two hosts: man 8 ivsh-bridge");
	return shown();
}

static int version(void)
{
	printf("ivsh-bridge %s\n", IVSH_VERSION);
	return shown();
}

static enum status_form form_of(int task)
{
	if (task == 'j')
		return STATUS_JSON;
	return task == 'p' ? STATUS_PROMETHEUS : STATUS_TEXT;
}

static int twice(void)
{
	fputs(
	    "ivsh-bridge: give one of --check, --status, --json and --prometheus, once\n", stderr);
	return USAGE;
}

/*
 * Say what is wrong with the files that (config) names, as the user that the bridge becomes: who is
 * another one, and not root, cannot know what that user may read.
 */
static int check(const struct config *config, const char *path)
{
	if (confine_is_root(config))
		log_failure(path, "begun as root it stays root: user = NAME makes it another user");
	if (config->user && geteuid() != 0 && geteuid() != config->user_id) {
		log_failure(path,
		    "the files that it names are not checked: root, or user %s, can do that",
		    config->user);
		return DONE;
	}
	if (geteuid() == 0 && confine_user(config))
		return FAILED;
	return trust_check(config) ? FAILED : DONE;
}

/* A memory file, or one of the state, lost pages that are mapped: nothing can go on from here. */
static void memory_lost(int signal)
{
	static const char line[] =
	    "ivsh-bridge: the memory was truncated while in use, or has no room: it is lost\n";
	ssize_t written = write(STDERR_FILENO, line, sizeof(line) - 1);

	(void)signal;
	(void)written;
	_exit(FAILED);
}

int main(int argc, char **argv)
{
	const struct sigaction lost = {.sa_handler = memory_lost};
	const char *path = NULL;
	struct config config;
	int option, status, task = 0;
	sigset_t held;

	sigemptyset(&held);
	sigaddset(&held, SIGTERM);
	sigaddset(&held, SIGINT);
	sigaddset(&held, SIGHUP);
	sigaddset(&held, SIGPIPE);
	if (inherited_reset(&held, NULL))
		return FAILED;
	sigaction(SIGBUS, &lost, NULL);
	while ((option = getopt_long(argc, argv, "c:h", options, NULL)) != -1) {
		if (option == 'c')
			path = optarg;
		else if (strchr("Csjp", option) && task == 0)
			task = option;
		else if (option == 'h')
			return help();
		else if (option == 'V')
			return version();
		else if (option != '?')
			return twice();
		else
			return USAGE;
	}
	if (!path || optind != argc) {
		fputs("ivsh-bridge: give --config FILE, and nothing else: see --help\n", stderr);
		return USAGE;
	}
	status = config_read(&config, path) ? USAGE : DONE;
	if (status == DONE && task == 0)
		status = loop_run(&config, path) ? FAILED : DONE;
	else if (status == DONE && task == 'C')
		status = check(&config, path);
	else if (status == DONE)
		status = status_print(&config, form_of(task)) ? FAILED : shown();
	config_free(&config);
	return status;
}
