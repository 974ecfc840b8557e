/* SPDX-License-Identifier: MIT */
/*
 * bridge.c - bridge: another program, which alone speaks to a network.
 */
#include "peer/bridge.h"

#include "app/status.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define PROGRAM "ivsh-bridge"

/* Become the program in (folder), below that of this one. Answers if it is not there. */
static void beside(const char *folder, char **argv)
{
	char path[PATH_MAX];
	ssize_t size = readlink("/proc/self/exe", path, sizeof(path) - 1);
	char *end;

	if (size < 0)
		return;
	path[size] = '\0';
	end = strrchr(path, '/');
	if (!end || (size_t)(end - path) + strlen(folder) + sizeof("/" PROGRAM) > sizeof(path))
		return;
	strcpy(end, folder);
	strcat(end, "/" PROGRAM);
	execv(path, argv);
}

int bridge_exec(int argc, char **argv)
{
	if (argc < 2 || strcmp(argv[1], "bridge") != 0)
		return -1;
	argv[1] = (char[]){PROGRAM};
	beside("", argv + 1);
	beside("/../sbin", argv + 1);
	execvp(PROGRAM, argv + 1);
	fprintf(stderr,
	    "ivsh: bridge: " PROGRAM ": %s: it is installed, or built, where libnats is\n",
	    strerror(errno));
	return STATUS_FAILED;
}

int bridge_command(const struct world *world, const struct options *o)
{
	(void)world;
	(void)o;
	fputs(
	    "ivsh: bridge: its options stand behind the word: ivsh bridge --config FILE\n", stderr);
	return STATUS_USAGE;
}
