/* SPDX-License-Identifier: MIT */
/*
 * holder.c - which server has a file open.
 *
 * /proc/locks names the process that took a lock. With flock(2) that may be a dead supervisor,
 * while its server still has the lock by the same open file. So this code reads which files the
 * processes have open. Any user can open a lock in a folder that all may read, so only ivsh-server
 * counts.
 */
#include "process/holder.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SERVER_PROGRAM "ivsh-server"

/* The environment of a process that serves has one of these: wire/link.h. */
static const char *const server_marks[] = {"IVSH_SUPERVISOR=", "IVSH_KEEPER="};

static bool is_server(const char *pid)
{
	char path[64], program[4096];
	const char *name;
	ssize_t size;

	snprintf(path, sizeof(path), "/proc/%.16s/exe", pid);
	size = readlink(path, program, sizeof(program) - 1);
	if (size < 0)
		return false;
	program[size] = '\0';
	name = strrchr(program, '/');
	/* " (deleted)" may follow. */
	return name && !strncmp(name + 1, SERVER_PROGRAM, sizeof(SERVER_PROGRAM) - 1);
}

static bool has_open(const char *pid, const struct stat *st)
{
	char path[64];
	const struct dirent *entry;
	bool found = false;
	DIR *folder;

	snprintf(path, sizeof(path), "/proc/%.16s/fd", pid);
	folder = opendir(path);
	if (!folder)
		return false;
	while (!found && (entry = readdir(folder)) != NULL) {
		struct stat open;

		found = fstatat(dirfd(folder), entry->d_name, &open, 0) == 0 &&
			open.st_dev == st->st_dev && open.st_ino == st->st_ino;
	}
	closedir(folder);
	return found;
}

/* proc(5), stat: the number, the name in parentheses, the state, the parent. 0: unknown. */
static pid_t parent_of(pid_t pid)
{
	char path[64], line[512];
	const char *name = NULL;
	long parent = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%ld/stat", (long)pid);
	file = fopen(path, "re");
	if (!file)
		return 0;
	if (fgets(line, sizeof(line), file))
		name = strrchr(line, ')');
	fclose(file);
	return name && sscanf(name, ") %*c %ld", &parent) == 1 ? (pid_t)parent : 0;
}

/* Whether the process was started to serve. */
static bool is_serving(pid_t pid)
{
	char path[64], *word = NULL;
	size_t size = 0;
	bool found = false;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%ld/environ", (long)pid);
	file = fopen(path, "re");
	if (!file)
		return false;
	while (!found && getdelim(&word, &size, '\0', file) > 0)
		for (size_t i = 0; !found && i < sizeof(server_marks) / sizeof(server_marks[0]);
		     i++)
			found = !strncmp(word, server_marks[i], strlen(server_marks[i]));
	free(word);
	fclose(file);
	return found;
}

static bool is_listed(const struct holder *holder, pid_t pid)
{
	for (unsigned i = 0; i < holder->count; i++)
		if (holder->pid[i] == pid)
			return true;
	return false;
}

void holder_find(struct holder *holder, const struct stat *st)
{
	const struct dirent *entry;
	DIR *folder = opendir("/proc");

	*holder = (struct holder){.count = 0};
	if (!folder)
		return;
	while (holder->count < HOLDER_PIDS && (entry = readdir(folder)) != NULL) {
		pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);

		if (pid > 0 && pid != getpid() && is_server(entry->d_name) &&
		    has_open(entry->d_name, st))
			holder->pid[holder->count++] = pid;
	}
	closedir(folder);
	/* First the process that is no child of another one: the supervisor, or a server without
	 * one. */
	for (unsigned i = 1; i < holder->count; i++) {
		pid_t pid = holder->pid[i];

		if (!is_listed(holder, parent_of(holder->pid[0])))
			break;
		holder->pid[i] = holder->pid[0];
		holder->pid[0] = pid;
	}
	holder->is_alone = holder->count > 0 && is_serving(holder->pid[0]);
}
