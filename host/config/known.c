/* SPDX-License-Identifier: MIT */
/*
 * known.c - the names that were resolved when the configuration was read.
 */
#include "config/known.h"
#include "process/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct known {
	struct known *next;
	enum known_kind kind;
	uint32_t number;
	char name[];
};

static struct known *first;

bool known_find(enum known_kind kind, const char *name, uint32_t *number)
{
	for (const struct known *known = first; known; known = known->next)
		if (known->kind == kind && !strcmp(known->name, name)) {
			*number = known->number;
			return true;
		}
	return false;
}

void known_add(enum known_kind kind, const char *name, uint32_t number)
{
	size_t size = strlen(name) + 1;
	struct known *known = malloc(sizeof(*known) + size);

	if (!known)
		return;
	*known = (struct known){.next = first, .kind = kind, .number = number};
	memcpy(known->name, name, size);
	first = known;
}

int known_keep(void)
{
	/* Sealed: a server that was broken into must not write what the next one becomes. */
	int fd = memfd_create("ivsh-known", MFD_ALLOW_SEALING);
	bool is_whole = fd >= 0;

	/* "KIND NUMBER NAME" each; no account has a name with a newline. */
	for (const struct known *known = first; known && is_whole; known = known->next)
		if (!strchr(known->name, '\n'))
			is_whole = dprintf(fd, "%u %lu %s\n", (unsigned)known->kind,
				       (unsigned long)known->number, known->name) > 0;
	if (is_whole &&
	    fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) == 0)
		return fd;
	log_failure("users and groups", "cannot be kept: %s", strerror(errno));
	if (fd >= 0)
		close(fd);
	return -1;
}

int known_read(int fd)
{
	char *line = NULL;
	size_t size = 0;
	int copy = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 3);
	FILE *file = copy < 0 ? NULL : fdopen(copy, "r");

	if (fd < 0)
		return 0;
	if (!file)
		return log_failure("users and groups", "cannot be read: %s", strerror(errno));
	rewind(file); /* the last one has read it, too */
	while (getline(&line, &size, file) > 0) {
		unsigned long number;
		unsigned kind;
		int name = 0;

		line[strcspn(line, "\n")] = '\0';
		if (sscanf(line, "%u %lu%n", &kind, &number, &name) == 2 && kind < KNOWN_KINDS &&
		    line[name] == ' ')
			known_add((enum known_kind)kind, line + name + 1, (uint32_t)number);
	}
	free(line);
	fclose(file);
	return 0;
}
