/* SPDX-License-Identifier: MIT */
/*
 * spawn.c - the programs that serve runs, one for each connection.
 */
#include "forward/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <sys/wait.h>
#include <unistd.h>

#define PATIENCE_NS UINT64_C(2000000000) /* between SIGTERM and SIGKILL */
#define LOOK_NS 5000000

extern char **environ;

struct child {
	struct child *next;
	pid_t pid;
	uint64_t kill_ns; /* 0: it may run */
};

static struct child *children;
static uint32_t count;

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* posix_spawnp() with all that the program is not to inherit. (fds): its input and output. */
static int start(char *const *argv, pid_t *pid, int input, int output)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t all, none;
	int error = posix_spawn_file_actions_init(&actions);

	if (error)
		return error;
	error = posix_spawnattr_init(&attributes);
	if (error) {
		posix_spawn_file_actions_destroy(&actions);
		return error;
	}
	sigfillset(&all);
	sigemptyset(&none);
	posix_spawnattr_setsigdefault(&attributes, &all);
	posix_spawnattr_setsigmask(&attributes, &none);
	posix_spawnattr_setpgroup(&attributes, 0);
	posix_spawnattr_setflags(
	    &attributes, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP);
	error = posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO);
	if (!error)
		error = posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
	if (!error)
		error = posix_spawn_file_actions_addclosefrom_np(&actions, STDERR_FILENO + 1);
	if (!error)
		error = posix_spawnp(pid, argv[0], &actions, &attributes, argv, environ);
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&actions);
	return error;
}

int spawn_start(char *const *argv, pid_t *pid, int *in, int *out)
{
	struct child *child = calloc(1, sizeof(*child));
	int to[2] = {-1, -1}, from[2] = {-1, -1};
	int error = child ? 0 : ENOMEM;

	if (!error && (pipe2(to, O_CLOEXEC) || pipe2(from, O_CLOEXEC)))
		error = errno;
	if (!error)
		error = start(argv, pid, to[0], from[1]);
	if (!error && (fcntl(to[1], F_SETFL, O_NONBLOCK) || fcntl(from[0], F_SETFL, O_NONBLOCK)))
		error = errno;
	if (to[0] >= 0)
		close(to[0]);
	if (from[1] >= 0)
		close(from[1]);
	if (error) {
		if (to[1] >= 0)
			close(to[1]);
		if (from[0] >= 0)
			close(from[0]);
		free(child);
		return error;
	}
	*child = (struct child){.next = children, .pid = *pid};
	children = child;
	count++;
	*in = from[0];
	*out = to[1];
	return 0;
}

void spawn_left(pid_t pid, bool is_lost)
{
	for (struct child *c = children; c && is_lost; c = c->next)
		if (c->pid == pid && c->kill_ns == 0) {
			(void)kill(-pid, SIGTERM);
			c->kill_ns = now_ns() + PATIENCE_NS;
		}
}

uint32_t spawn_count(void)
{
	return count;
}

static void report(pid_t pid, int status)
{
	if (WIFSIGNALED(status))
		fprintf(stderr, "ivsh: serve: process %ld: ended by signal %d\n", (long)pid,
		    WTERMSIG(status));
	else
		fprintf(stderr, "ivsh: serve: process %ld: ended with status %d\n", (long)pid,
		    WEXITSTATUS(status));
}

void spawn_reap(void)
{
	for (struct child **at = &children; *at;) {
		struct child *c = *at;
		int status;

		if (waitpid(c->pid, &status, WNOHANG) == 0) {
			if (c->kill_ns != 0 && now_ns() > c->kill_ns)
				(void)kill(-c->pid, SIGKILL);
			at = &c->next;
			continue;
		}
		report(c->pid, status);
		*at = c->next;
		free(c);
		count--;
	}
}

void spawn_end(void)
{
	const struct timespec pause = {.tv_nsec = LOOK_NS};

	for (struct child *c = children; c; c = c->next)
		spawn_left(c->pid, true);
	for (spawn_reap(); children; spawn_reap())
		(void)nanosleep(&pause, NULL);
}
