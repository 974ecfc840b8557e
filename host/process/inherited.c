/* SPDX-License-Identifier: MIT */
/*
 * inherited.c - what a process has from its parent, put in order.
 *
 * execve(2) preserves ignored, blocked and pending signals, interval timers, umask, limits, and
 * open descriptors. For instance, a parent may ignore SIGCHLD to have no zombies; we would then not
 * learn of the end of our children.
 */
#include "process/inherited.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define STACK_SIZE (8u << 20) /* bytes, the usual limit; without a limit all mappings move */

static int open_standard(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
		int null;

		if (fcntl(fd, F_GETFD) >= 0)
			continue;
		/* open(2) returns the lowest free descriptor, which is this one. */
		null = open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY);
		if (null == fd)
			continue;
		fprintf(stderr, "%s: /dev/null: open: %s: descriptor %d is closed, and needs it\n",
		    program_invocation_short_name, strerror(errno), fd);
		return -1;
	}
	return 0;
}

/* A timer that the program before us started would end us by its signal. */
static void stop_timers(void)
{
	static const struct itimerval off = {{0, 0}, {0, 0}};

	setitimer(ITIMER_REAL, &off, NULL);
	setitimer(ITIMER_VIRTUAL, &off, NULL);
	setitimer(ITIMER_PROF, &off, NULL);
}

/* Discard pending signals, except those that request our end. */
static void drop_pending(void)
{
	static const struct timespec now = {0, 0};
	sigset_t set;

	sigfillset(&set);
	sigdelset(&set, SIGTERM);
	sigdelset(&set, SIGINT);
	sigdelset(&set, SIGHUP);
	sigdelset(&set, SIGQUIT);
	while (sigtimedwait(&set, NULL, &now) > 0 || errno == EINTR)
		;
}

static void reset_signals(const sigset_t *held, const sigset_t *kept)
{
	sigset_t none;

	for (int number = 1; number <= SIGRTMAX; number++) {
		struct sigaction action;

		if (sigaction(number, NULL, &action) || action.sa_handler != SIG_IGN ||
		    (kept && sigismember(kept, number) == 1))
			continue;
		action.sa_handler = SIG_DFL;
		sigaction(number, &action, NULL);
	}
	/* When a file reaches its limit, write(2) fails with EFBIG instead. */
	signal(SIGXFSZ, SIG_IGN);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, held ? held : &none, NULL);
}

static void raise_limit(int which, rlim_t most)
{
	struct rlimit limit;

	if (getrlimit(which, &limit) || limit.rlim_cur >= most)
		return;
	limit.rlim_cur = limit.rlim_max < most ? limit.rlim_max : most;
	/* If a limit cannot be raised, the call that exceeds it reports that. */
	(void)setrlimit(which, &limit);
}

static void raise_limits(void)
{
	static const int raised[] = {RLIMIT_NOFILE, RLIMIT_FSIZE, RLIMIT_AS, RLIMIT_DATA,
	    RLIMIT_CPU, RLIMIT_NPROC, RLIMIT_MEMLOCK};

	for (size_t i = 0; i < sizeof(raised) / sizeof(raised[0]); i++)
		raise_limit(raised[i], RLIM_INFINITY);
	raise_limit(RLIMIT_STACK, STACK_SIZE);
}

int inherited_reset(const sigset_t *held, const sigset_t *kept)
{
	stop_timers();
	drop_pending();
	reset_signals(held, kept);
	raise_limits();
	umask(umask(0) & 0077);
	return open_standard();
}

void inherited_pass_on(int fd)
{
	if (fd >= 0)
		fcntl(fd, F_SETFD, 0);
}
