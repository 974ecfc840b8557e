/* SPDX-License-Identifier: MIT */
/*
 * place.c - which server is meant.
 */
#include "control/place.h"
#include "control/say.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PLACE_SUFFIX ".control"
#define PLACE_MARK "\xef\xbb\xbf" /* a byte order mark: a configuration may begin with it */

/* Where the service unit has its sockets: host/systemd/ivsh-server.service. */
#define PLACE_UNIT "/run/ivsh/default/ivsh.sock"

bool place_option(struct place *place, int letter, const char *value)
{
	switch (letter) {
	case 'S':
		place->socket = value;
		return true;
	case 'c':
		place->config = value;
		return true;
	case PLACE_CONTROL:
		place->control = value;
		return true;
	default:
		return false;
	}
}

static int place_set(struct place *place, const char *path, const char *suffix)
{
	if ((size_t)snprintf(place->path, sizeof place->path, "%s%s", path, suffix) <
	    sizeof place->path)
		return 0;
	return say(2, "the socket's path", "too long");
}

/* Cut the blanks off both ends of (text). */
static char *place_trim(char *text)
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

/* The values of two keys, where they are given. The server judges the rest, and has done so. */
static int place_line(char *line, char socket[PATH_MAX], char control[PATH_MAX])
{
	char *equals = strchr(line, '=');
	char *key, *value, *place = NULL;

	if (!equals)
		return 0;
	*equals = '\0';
	key = place_trim(line);
	value = place_trim(equals + 1);
	if (!strcmp(key, "socket"))
		place = socket;
	else if (!strcmp(key, "control"))
		place = control;
	if (place && strlen(value) >= PATH_MAX)
		return -1;
	if (place)
		strcpy(place, value);
	return 0;
}

static int place_read(FILE *file, char socket[PATH_MAX], char control[PATH_MAX])
{
	size_t room = 0, mark = strlen(PLACE_MARK);
	bool is_first = true;
	char *line = NULL;
	int error = 0;

	while (!error && getline(&line, &room, file) >= 0) {
		bool is_marked = is_first && !strncmp(line, PLACE_MARK, mark);

		error = place_line(line + (is_marked ? mark : 0), socket, control);
		is_first = false;
	}
	free(line);
	return error || ferror(file) ? -1 : 0;
}

static int place_config(struct place *place)
{
	char socket[PATH_MAX] = "", control[PATH_MAX] = "";
	FILE *file = fopen(place->config, "re");
	int error;

	if (!file)
		return say(1, place->config, "%s", strerror(errno));
	errno = 0;
	error = place_read(file, socket, control);
	fclose(file);
	if (error)
		return say(
		    1, place->config, "%s", errno ? strerror(errno) : "a path that is too long");
	if (!strcmp(control, "none") && place->is_any && *socket)
		return place_set(place, socket, PLACE_SUFFIX);
	if (!strcmp(control, "none"))
		return say(1, place->config, "says control = none: nobody can ask this server");
	if (*control)
		return place_set(place, control, "");
	if (*socket)
		return place_set(place, socket, PLACE_SUFFIX);
	place->config = NULL;
	return place_find(place);
}

/* Of a server without options; for root also that of the service. */
static int place_default(struct place *place)
{
	const char *folder = "/run";

	if (!strcmp(program_invocation_short_name, "ivshmem-server"))
		return place_set(place, "/tmp/ivshmem_socket", PLACE_SUFFIX);
	if (geteuid() != 0)
		folder = getenv("XDG_RUNTIME_DIR");
	if (!folder || !*folder)
		return say(2, "-S", "XDG_RUNTIME_DIR is not set: give the server's socket");
	if (place_set(place, folder, "/ivsh.sock" PLACE_SUFFIX))
		return 2;
	if (access(place->path, F_OK) && geteuid() == 0 && !access(PLACE_UNIT PLACE_SUFFIX, F_OK))
		return place_set(place, PLACE_UNIT, PLACE_SUFFIX);
	return 0;
}

int place_find(struct place *place)
{
	if (place->control && !strcmp(place->control, "none"))
		return say(2, "--control", "give the path of the control socket");
	if (place->control)
		return place_set(place, place->control, "");
	if (place->socket)
		return place_set(place, place->socket, PLACE_SUFFIX);
	if (place->config)
		return place_config(place);
	return place_default(place);
}
