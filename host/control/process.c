/* SPDX-License-Identifier: MIT */
/*
 * process.c - what this machine knows of a client.
 */
#include "control/process.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdio.h>
#include <sys/types.h>
#include <unistd.h>

const char *process_command(uint64_t pid, char command[PROCESS_COMMAND])
{
	char path[64];
	size_t size = 0;
	int fd;

	if (pid == 0 || pid > INT32_MAX)
		return NULL;
	snprintf(path, sizeof path, "/proc/%" PRIu64 "/cmdline", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return NULL;
	while (size < PROCESS_COMMAND - 1) {
		ssize_t got = read(fd, command + size, PROCESS_COMMAND - 1 - size);

		if (got > 0)
			size += (size_t)got;
		else if (got == 0 || errno != EINTR)
			break;
	}
	close(fd);
	/* One NUL ends each word; a process that is ending has none. */
	while (size > 0 && command[size - 1] == '\0')
		size--;
	for (size_t i = 0; i < size; i++)
		if (command[i] == '\0')
			command[i] = ' ';
	command[size] = '\0';
	return size ? command : NULL;
}

const char *process_user(uint64_t uid, char user[PROCESS_USER])
{
	const struct passwd *entry = uid < UINT32_MAX ? getpwuid((uid_t)uid) : NULL;

	if (!entry || (size_t)snprintf(user, PROCESS_USER, "%s", entry->pw_name) >= PROCESS_USER)
		return NULL;
	return user;
}
