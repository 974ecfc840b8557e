/* SPDX-License-Identifier: MIT */
/*
 * socketpath.c - which server a command is about.
 */
#include "control/socketpath.h"
#include "control/print.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SUFFIX ".control"
#define BYTE_ORDER_MARK "\xef\xbb\xbf" /* UTF-8; a configuration may begin with it */

/* The socket of the systemd service: host/systemd/ivsh-server.service. */
#define SERVICE_SOCKET "/run/ivsh/default/ivsh.sock"

/* Returns 0, or the exit status of a command whose path is too long. */
static int set_path(struct socketpath *server, const char *path, const char *suffix)
{
	if ((size_t)snprintf(server->path, sizeof(server->path), "%s%s", path, suffix) <
	    sizeof(server->path))
		return 0;
	return print_error(2, "the socket's path", "too long");
}

/* Cut the blanks off both ends of (text). */
static char *trim(char *text)
{
	static const char blanks[] = " \t\r\n";
	size_t size;

	text += strspn(text, blanks);
	size = strlen(text);
	while (size > 0 && strchr(blanks, text[size - 1]))
		size--;
	text[size] = '\0';
	return text;
}

/*
 * Copy the value of the line if its key is socket or control. The server has checked all other
 * lines when it started. Returns 0, or -1: the value is too long for a path.
 */
static int read_line(char *line, char socket[PATH_MAX], char control[PATH_MAX])
{
	char *equals = strchr(line, '=');
	char *key, *value, *path = NULL;

	if (!equals)
		return 0;
	*equals = '\0';
	key = trim(line);
	value = trim(equals + 1);
	if (!strcmp(key, "socket"))
		path = socket;
	else if (!strcmp(key, "control"))
		path = control;
	if (path && strlen(value) >= PATH_MAX)
		return -1;
	if (path)
		strcpy(path, value);
	return 0;
}

/* Returns 0, or -1: reading failed, with errno, or a path is too long, with errno as it was. */
static int read_lines(FILE *file, char socket[PATH_MAX], char control[PATH_MAX])
{
	size_t capacity = 0, mark = strlen(BYTE_ORDER_MARK);
	bool is_first = true;
	char *line = NULL;
	int error = 0;

	while (!error && getline(&line, &capacity, file) >= 0) {
		bool is_marked = is_first && !strncmp(line, BYTE_ORDER_MARK, mark);

		error = read_line(line + (is_marked ? mark : 0), socket, control);
		is_first = false;
	}
	free(line);
	return error || ferror(file) ? -1 : 0;
}

/* The path of a server that was started without options. For root, the service's socket, too. */
static int find_default(struct socketpath *server)
{
	const char *folder = "/run";
	int status;

	if (!strcmp(program_invocation_short_name, "ivshmem-server"))
		return set_path(server, "/tmp/ivshmem_socket", SUFFIX);
	if (geteuid() != 0)
		folder = getenv("XDG_RUNTIME_DIR");
	if (!folder || !*folder)
		return print_error(2, "-S", "XDG_RUNTIME_DIR is not set: give the server's socket");
	status = set_path(server, folder, "/ivsh.sock" SUFFIX);
	if (status)
		return status;
	if (access(server->path, F_OK) && geteuid() == 0 && !access(SERVICE_SOCKET SUFFIX, F_OK))
		return set_path(server, SERVICE_SOCKET, SUFFIX);
	return 0;
}

/* The path that the configuration names. */
static int find_configured(struct socketpath *server)
{
	char socket[PATH_MAX] = "", control[PATH_MAX] = "";
	FILE *file = fopen(server->config, "re");
	int error;

	if (!file)
		return print_error(1, server->config, "%s", strerror(errno));
	errno = 0;
	error = read_lines(file, socket, control);
	fclose(file);
	if (error)
		return print_error(
		    1, server->config, "%s", errno ? strerror(errno) : "a path that is too long");
	if (!strcmp(control, "none") && server->accepts_none && *socket)
		return set_path(server, socket, SUFFIX);
	if (!strcmp(control, "none"))
		return print_error(
		    1, server->config, "says control = none: nobody can ask this server");
	if (*control)
		return set_path(server, control, "");
	return *socket ? set_path(server, socket, SUFFIX) : find_default(server);
}

int socketpath_find(struct socketpath *server)
{
	if (server->control && !strcmp(server->control, "none"))
		return print_error(2, "--control", "give the path of the control socket");
	if (server->control)
		return set_path(server, server->control, "");
	if (server->socket)
		return set_path(server, server->socket, SUFFIX);
	return server->config ? find_configured(server) : find_default(server);
}
