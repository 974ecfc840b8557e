/* SPDX-License-Identifier: MIT */
/*
 * child.c - starting a server process.
 */
#include "supervisor/child.h"
#include "process/clock.h"
#include "process/log.h"
#include "supervisor/resources.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHILD_NOT_EXECUTED 127

int program_open(struct program *program, char **argv)
{
	ssize_t length = readlink("/proc/self/exe", program->path, sizeof(program->path) - 1);

	program->argv = argv;
	program->self = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	if (length < 0 || program->self < 0)
		return log_failure("/proc/self/exe", "%s", strerror(errno));
	program->path[length] = '\0';
	return 0;
}

/* Between fork and exec. The name that the program was called by decides about its defaults. */
static void __attribute__((noreturn))
execute(const struct program *program, const char *environment, bool is_self)
{
	static const char deleted[] = " (deleted)";
	char path[sizeof(program->path)];
	size_t length = strlen(program->path);

	/* A file that is being replaced at this moment comes back under its name. */
	memcpy(path, program->path, length + 1);
	if (length > sizeof(deleted) && !strcmp(path + length - sizeof(deleted) + 1, deleted))
		path[length - sizeof(deleted) + 1] = '\0';
	if (setenv(LINK_ENVIRONMENT, environment, 1) == 0) {
		if (!is_self)
			execv(path, program->argv);
		fexecve(program->self, program->argv, environ);
	}
	log_failure(path, "exec: %s", strerror(errno));
	_exit(CHILD_NOT_EXECUTED);
}

/* -1: the kernel is older than 5.3, or there is no descriptor left. The number must do then. */
static int open_process(pid_t pid)
{
#ifdef SYS_pidfd_open
	return (int)syscall(SYS_pidfd_open, pid, 0);
#else
	(void)pid;
	return -1;
#endif
}

void child_signal(const struct child *child, int signal)
{
	if (child->pid <= 0)
		return;
#ifdef SYS_pidfd_send_signal
	if (child->process >= 0) {
		syscall(SYS_pidfd_send_signal, child->process, signal, NULL, 0);
		return;
	}
#endif
	kill(child->pid, signal);
}

bool child_has_ended(const struct child *child, int *status)
{
	pid_t got;

	if (child->pid <= 0)
		return false;
	got = waitpid(child->pid, status, WNOHANG);
	if (got < 0 && errno == ECHILD)
		*status = SIGKILL; /* as wait(2) encodes it */
	return got > 0 || (got < 0 && errno == ECHILD);
}

int child_start(struct child *child, const struct program *program,
    const struct resources *resources, bool is_reload, bool is_self)
{
	char environment[64];
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends))
		return log_failure("server", "socketpair: %s", strerror(errno));
	snprintf(environment, sizeof(environment), "%d,%d,%d,%d,%d", ends[1], resources->state.fd,
	    resources->config, is_reload, resources->known);
	*child = (struct child){.process = -1, .link = ends[0], .began_ns = clock_now_ns()};
	child->alive_ns = child->began_ns;
	child->pid = fork();
	if (child->pid == 0) {
		fcntl(ends[1], F_SETFD, 0);
		execute(program, environment, is_self);
	}
	close(ends[1]);
	if (child->pid > 0) {
		child->process = open_process(child->pid);
		return 0;
	}
	log_failure("server", "fork: %s", strerror(errno));
	child->pid = 0;
	child_close(child);
	return -1;
}

void child_close(struct child *child)
{
	if (child->link >= 0)
		close(child->link);
	if (child->process >= 0)
		close(child->process);
	*child = (struct child){.process = -1, .link = -1};
}
