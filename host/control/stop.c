/* SPDX-License-Identifier: MIT */
/*
 * stop.c - ivsh-server stop: end a server, whoever started it and whatever is left of it.
 *
 * Who serves is found by the lock beside the socket, since a server may have no control socket, or
 * hang; else it is asked. Processes are held by pidfd while that is looked at again, so that no
 * other gets the signal that has its number by then.
 */
#include "control/commands.h"
#include "control/fetch.h"
#include "process/holder.h"
#include "control/place.h"
#include "control/say.h"

#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define STOP_LIMIT_S 10 /* a supervisor ends a server that hangs after one */
#define STOP_TRIES 8    /* servers take over from each other meanwhile */

static const struct option stop_long[] = {
    PLACE_LONG,
    {NULL, 0, NULL, 0},
};

static const char stop_help[] =
    "Usage: ivsh-server stop [OPTION]...\n"
    "Ends a running server, with its supervisor or without, and waits for that.\n"
    "\n"
    "  -S, --socket PATH     the server's common socket\n"
    "  -c, --config FILE     the server's configuration\n"
    "      --control PATH    the server's control socket; the socket's path and .control\n"
    "  -h, --help            show this\n";

/* The processes by the lock of the socket whose control socket is at place->path. */
static void stop_by_lock(const struct place *place, struct holder *holder)
{
	static const char suffix[] = ".control";
	char path[sizeof place->path + 8];
	size_t size = strlen(place->path);
	struct stat st;

	*holder = (struct holder){.count = 0};
	if (size > sizeof suffix && !strcmp(place->path + size - sizeof suffix + 1, suffix))
		size -= sizeof suffix - 1;
	snprintf(path, sizeof path, "%.*s.lock", (int)size, place->path);
	if (stat(path, &st) == 0)
		holder_find(holder, &st);
}

/*
 * Whoever made the control socket may name any process: root is believed, and who asks; others only
 * about processes of their own. 0, or 1 after one line.
 */
static int stop_is_theirs(const struct place *place, pid_t pid, uid_t user)
{
	char path[64];
	struct stat st;

	if (user == 0 || user == geteuid())
		return 0;
	snprintf(path, sizeof path, "/proc/%ld", (long)pid);
	if (stat(path, &st) == 0 && st.st_uid == user)
		return 0;
	return say(1, place->path,
	    "the socket is of user %ld, and answers that process %ld is to be ended, which is not that"
	    " user's: not done",
	    (long)user, (long)pid);
}

/* The same by what the server says. 0, or 1 after one line. */
static int stop_by_answer(const struct place *place, struct holder *holder)
{
	struct fetch fetch;
	int status = 0;

	if (fetch_open(&fetch, place->path))
		return 1;
	*holder = (struct holder){.is_alone = fetch.answer.supervisor == 0};
	if (fetch.answer.supervisor)
		holder->pid[holder->count++] = (pid_t)fetch.answer.supervisor;
	holder->pid[holder->count++] = (pid_t)fetch.answer.server;
	for (unsigned i = 0; status == 0 && i < holder->count; i++)
		status = stop_is_theirs(place, holder->pid[i], fetch.user);
	fetch_close(&fetch);
	return status;
}

static int stop_find(const struct place *place, struct holder *holder)
{
	stop_by_lock(place, holder);
	return holder->count > 0 ? 0 : stop_by_answer(place, holder);
}

static int stop_open(pid_t pid)
{
#ifdef SYS_pidfd_open
	return (int)syscall(SYS_pidfd_open, pid, 0);
#else
	(void)pid;
	errno = ENOSYS;
	return -1;
#endif
}

static int stop_signal(int process)
{
#ifdef SYS_pidfd_send_signal
	return (int)syscall(SYS_pidfd_send_signal, process, SIGTERM, NULL, 0);
#else
	(void)process;
	errno = ENOSYS;
	return -1;
#endif
}

static int64_t stop_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Wait for the end of each. 0, or 1 after one line. */
static int stop_await(const char *path, const struct holder *holder, const int *process)
{
	int64_t end_ms = stop_now_ms() + STOP_LIMIT_S * 1000;

	for (unsigned i = 0; i < holder->count; i++) {
		struct pollfd ended = {.fd = process[i], .events = POLLIN};
		int64_t left = end_ms - stop_now_ms();

		if (process[i] < 0)
			continue;
		while (poll(&ended, 1, left > 0 ? (int)left : 0) < 0 && errno == EINTR)
			left = end_ms - stop_now_ms();
		if (!ended.revents)
			return say(1, path,
			    "process %ld has not ended within %d seconds: kill -9 %ld ends it",
			    (long)holder->pid[i], STOP_LIMIT_S, (long)holder->pid[i]);
	}
	return 0;
}

/* One try: -1 when another serves by now. */
static int stop_once(const struct place *place)
{
	struct holder holder, again;
	int process[HOLDER_PIDS], status;

	if (stop_find(place, &holder))
		return 1;
	for (unsigned i = 0; i < holder.count; i++)
		process[i] = stop_open(holder.pid[i]);
	if (process[0] < 0 && errno != ESRCH)
		status = say(1, place->path, "process %ld: %s: kill %ld ends it",
		    (long)holder.pid[0], strerror(errno), (long)holder.pid[0]);
	else if (process[0] < 0 || stop_find(place, &again) || again.pid[0] != holder.pid[0])
		status = -1;
	else if (stop_signal(process[0]) == 0)
		status = stop_await(place->path, &holder, process);
	else if (errno == ESRCH)
		status = -1;
	else
		status = say(1, place->path, "process %ld: %s: ask as its user or root",
		    (long)holder.pid[0], strerror(errno));
	for (unsigned i = 0; i < holder.count; i++)
		if (process[i] >= 0)
			close(process[i]);
	return status;
}

int control_stop(int argc, char **argv)
{
	static struct place place;
	int letter, status;

	memset(&place, 0, sizeof place);
	place.is_any = true;
	argv[0] = program_invocation_short_name; /* getopt_long() begins its lines with it */
	optind = 0;
	while ((letter = getopt_long(argc, argv, PLACE_SHORT, stop_long, NULL)) != -1) {
		if (letter == '?')
			return 2; /* getopt_long() has said what is wrong */
		if (letter == 'h') {
			fputs(stop_help, stdout);
			return say_end(0);
		}
		place_option(&place, letter, optarg);
	}
	if (optind < argc)
		return say(2, argv[optind], "stop takes no arguments, only options");
	status = place_find(&place);
	if (status)
		return status;
	status = -1;
	for (unsigned i = 0; status < 0 && i < STOP_TRIES; i++)
		status = stop_once(&place);
	return status < 0 ? say(1, place.path, "servers take over from each other: try again")
			  : status;
}
