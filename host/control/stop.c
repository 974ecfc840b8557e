/* SPDX-License-Identifier: MIT */
/*
 * stop.c - ivsh-server stop: end a server, with its supervisor or without.
 *
 * The command finds the server's processes by the lock beside the socket, since a server may hang
 * or have no control socket. If the lock names no process, the command queries the control
 * socket. It opens a pidfd of each process, and then finds the server's processes once more. So no
 * other process gets the signal, even one that has got the same number since.
 */
#include "control/cmdline.h"
#include "control/commands.h"
#include "control/print.h"
#include "control/query.h"
#include "process/clock.h"
#include "process/holder.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define LIMIT_S 10 /* the supervisor kills a server that does not end within one second */
#define TRIES 8    /* meanwhile one server process may take over from another */

/* An attempt returns this when the processes changed meanwhile. */
#define TRY_AGAIN (-1)

static const struct option options[] = {
    CMDLINE_COMMON,
    {NULL, 0, NULL, 0},
};

static const char help[] =
    "Usage: ivsh-server stop [OPTION]...\n"
    "Ends a running server, with its supervisor or without, and waits for that.\n"
    "\n" CMDLINE_HELP "  -h, --help            show this\n";

/* Find the processes that hold the lock beside the socket: its path is that of the control socket,
 * with another suffix. */
static void find_by_lock(const char *control, struct holder *holder)
{
	static const char suffix[] = ".control";
	char path[PATH_MAX + 8];
	size_t size = strlen(control);
	struct stat st;

	*holder = (struct holder){.count = 0};
	if (size > sizeof(suffix) && !strcmp(control + size - sizeof(suffix) + 1, suffix))
		size -= sizeof(suffix) - 1;
	snprintf(path, sizeof(path), "%.*s.lock", (int)size, control);
	if (stat(path, &st) == 0)
		holder_find(holder, &st);
}

/*
 * The owner of the control socket may name any process. The command believes root and its own user.
 * It believes any other user only about processes of that user. 0, or -1 after one line.
 */
static int check_owner(const char *control, pid_t pid, uid_t user)
{
	char path[64];
	struct stat st;

	if (user == 0 || user == geteuid())
		return 0;
	snprintf(path, sizeof(path), "/proc/%ld", (long)pid);
	if (stat(path, &st) == 0 && st.st_uid == user)
		return 0;
	return print_error(-1, control,
	    "the socket is of user %ld, and answers that process %ld is to be ended, which is not"
	    " that user's: not done",
	    (long)user, (long)pid);
}

/* Find the processes that the server names. 0, or -1 after one line. */
static int find_by_answer(const char *control, struct holder *holder)
{
	struct query query;
	int error = 0;

	if (query_open(&query, control))
		return -1;
	*holder = (struct holder){.is_alone = query.answer.supervisor == 0};
	if (query.answer.supervisor)
		holder->pid[holder->count++] = (pid_t)query.answer.supervisor;
	holder->pid[holder->count++] = (pid_t)query.answer.server;
	for (unsigned i = 0; !error && i < holder->count; i++)
		error = check_owner(control, holder->pid[i], query.user);
	query_close(&query);
	return error;
}

static int find_processes(const char *control, struct holder *holder)
{
	find_by_lock(control, holder);
	return holder->count > 0 ? 0 : find_by_answer(control, holder);
}

static int open_process(pid_t pid)
{
#ifdef SYS_pidfd_open
	return (int)syscall(SYS_pidfd_open, pid, 0);
#else
	(void)pid;
	errno = ENOSYS;
	return -1;
#endif
}

static int send_sigterm(int process)
{
#ifdef SYS_pidfd_send_signal
	return (int)syscall(SYS_pidfd_send_signal, process, SIGTERM, NULL, 0);
#else
	(void)process;
	errno = ENOSYS;
	return -1;
#endif
}

/* Wait for the end of each process. Returns 0, or 1 after one line. */
static int await_end(const char *control, const struct holder *holder, const int *process)
{
	uint64_t end_ns = clock_now_ns() + LIMIT_S * UINT64_C(1000000000);

	for (unsigned i = 0; i < holder->count; i++) {
		struct pollfd ended = {.fd = process[i], .events = POLLIN};

		if (process[i] < 0)
			continue;
		while (poll(&ended, 1, clock_left_ms(end_ns)) < 0 && errno == EINTR)
			;
		if (!ended.revents)
			return print_error(1, control,
			    "process %ld has not ended within %d seconds: kill -9 %ld ends it",
			    (long)holder->pid[i], LIMIT_S, (long)holder->pid[i]);
	}
	return 0;
}

/* One attempt: TRY_AGAIN, or the exit status. */
static int stop_once(const char *control)
{
	struct holder holder, again;
	int process[HOLDER_PIDS], status;

	if (find_processes(control, &holder))
		return 1;
	for (unsigned i = 0; i < holder.count; i++)
		process[i] = open_process(holder.pid[i]);
	if (process[0] < 0 && errno != ESRCH)
		status = print_error(1, control, "process %ld: %s: kill %ld ends it",
		    (long)holder.pid[0], strerror(errno), (long)holder.pid[0]);
	else if (process[0] < 0 || find_processes(control, &again) || again.pid[0] != holder.pid[0])
		status = TRY_AGAIN;
	else if (send_sigterm(process[0]) == 0)
		status = await_end(control, &holder, process);
	else if (errno == ESRCH)
		status = TRY_AGAIN;
	else
		status = print_error(1, control, "process %ld: %s: ask as its user or root",
		    (long)holder.pid[0], strerror(errno));
	for (unsigned i = 0; i < holder.count; i++)
		if (process[i] >= 0)
			close(process[i]);
	return status;
}

int control_stop(int argc, char **argv)
{
	struct cmdline cmdline = {
	    .options = options, .help = help, .server = {.accepts_none = true}};
	const char *control = cmdline.server.path;
	int status = cmdline_parse(&cmdline, argc, argv);

	if (status >= 0)
		return status;
	if (optind < argc)
		return print_error(2, argv[optind], "stop takes no arguments, only options");
	status = socketpath_find(&cmdline.server);
	if (status)
		return status;
	for (unsigned i = 0; i < TRIES; i++) {
		status = stop_once(control);
		if (status != TRY_AGAIN)
			return status;
	}
	return print_error(1, control, "servers take over from each other: try again");
}
