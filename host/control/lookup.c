/* SPDX-License-Identifier: MIT */
/*
 * lookup.c - what this machine knows of a client's numbers.
 */
#include "control/lookup.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdio.h>
#include <sys/types.h>
#include <unistd.h>

const char *lookup_command(uint64_t pid, char command[LOOKUP_COMMAND])
{
	char path[64];
	size_t size = 0;
	int fd;

	if (pid == 0 || pid > INT32_MAX)
		return NULL;
	snprintf(path, sizeof(path), "/proc/%" PRIu64 "/cmdline", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return NULL;
	while (size < LOOKUP_COMMAND - 1) {
		ssize_t got = read(fd, command + size, LOOKUP_COMMAND - 1 - size);

		if (got > 0)
			size += (size_t)got;
		else if (got == 0 || errno != EINTR)
			break;
	}
	close(fd);
	/* Each word ends with a NUL; a process that is ending has no words. */
	while (size > 0 && command[size - 1] == '\0')
		size--;
	for (size_t i = 0; i < size; i++)
		if (command[i] == '\0')
			command[i] = ' ';
	command[size] = '\0';
	return size ? command : NULL;
}

const char *lookup_user(uint64_t uid, char user[LOOKUP_USER])
{
	const struct passwd *entry = uid < UINT32_MAX ? getpwuid((uid_t)uid) : NULL;

	if (!entry || (size_t)snprintf(user, LOOKUP_USER, "%s", entry->pw_name) >= LOOKUP_USER)
		return NULL;
	return user;
}
