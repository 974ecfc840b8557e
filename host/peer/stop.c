/* SPDX-License-Identifier: MIT */
/*
 * stop.c - signals: being asked to stop, and a memory that shrinks.
 */
#include "stop.h"

#include <signal.h>
#include <stddef.h>
#include <unistd.h>

static volatile sig_atomic_t stop_asked;

static void stop_remember(int signal)
{
	stop_asked = signal;
}

/* A file knows no seals: whoever truncates it takes the pages away under us. */
static void stop_truncated(int signal)
{
	static const char line[] = "ivsh: the memory was truncated while in use: it is lost\n";
	ssize_t written = write(STDERR_FILENO, line, sizeof line - 1);

	(void)signal;
	(void)written;
	_exit(1);
}

void stop_guard(void)
{
	struct sigaction truncated = {.sa_handler = stop_truncated};
	struct sigaction ignore = {.sa_handler = SIG_IGN};

	sigaction(SIGBUS, &truncated, NULL);
	sigaction(SIGPIPE, &ignore, NULL);
}

void stop_listen(void)
{
	/* Without SA_RESTART, so that a sleep ends. */
	struct sigaction stop = {.sa_handler = stop_remember, .sa_flags = (int)SA_RESETHAND};
	struct sigaction hangup;

	sigaction(SIGINT, &stop, NULL);
	sigaction(SIGTERM, &stop, NULL);
	/* nohup(1) has it ignored, and means it. */
	if (!sigaction(SIGHUP, NULL, &hangup) && hangup.sa_handler != SIG_IGN)
		sigaction(SIGHUP, &stop, NULL);
}

int stop_signal(void)
{
	return stop_asked;
}
