/* SPDX-License-Identifier: MIT */
/*
 * release.c - ending the connection of a slot's client on request.
 *
 * A QEMU whose device was unplugged keeps the connection, and with it the slot, until its chardev
 * is removed. A migration's destination cannot wait for that. The server cannot know whether a
 * machine still uses the device: the operator does, and says so.
 */
#include "server/release.h"
#include "process/log.h"
#include "server/client_state.h"
#include "server/closing.h"
#include "server/server.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>

#define DIGITS 5u /* IDs have 16 bits */

static char *answer(size_t *size, const char *format, ...) __attribute__((format(printf, 2, 3)));
static char *answer(size_t *size, const char *format, ...)
{
	char *text = NULL;
	FILE *out = open_memstream(&text, size);
	va_list arguments;

	if (!out)
		return NULL;
	va_start(arguments, format);
	vfprintf(out, format, arguments);
	va_end(arguments);
	if (fclose(out) == 0)
		return text;
	free(text);
	return NULL;
}

/*
 * Root, and the user that the server runs as. No system call: the filter allows geteuid() to none.
 */
static bool is_permitted(const struct server *server, uint32_t user)
{
	uint32_t own = server->options.user == OPTIONS_NONE ? (uint32_t)getauxval(AT_EUID)
							    : server->options.user;

	return user == 0 || user == own;
}

/* The slot with the ID that (text) has: a number and the end of the line. NULL: there is none. */
static struct slot *find_slot(struct server *server, const char *text)
{
	size_t digits = strspn(text, "0123456789");
	unsigned long id;

	if (digits == 0 || digits > DIGITS || (text[digits] != '\n' && text[digits] != '\0'))
		return NULL;
	id = strtoul(text, NULL, 10);
	for (uint32_t i = 0; i < server->slots.count; i++) {
		struct slot *slot = &server->slots.slot[i];

		/* Classic: a slot that nobody holds keeps the ID of its last client. */
		if (slot->id == id && (slot->client != SLOTS_NONE || !server->clients.is_classic))
			return slot;
	}
	return NULL;
}

char *release_make(void *context, const char *id, uint32_t user, size_t *size)
{
	struct server *server = context;
	struct slot *slot = find_slot(server, id);
	struct client *client;
	long pid;

	if (!is_permitted(server, user))
		return answer(size, "error what=not-permitted\nend\n");
	if (!slot)
		return answer(size, "error what=no-such-slot\nend\n");
	if (slot->client == SLOTS_NONE)
		return answer(size, "error what=free\nend\n");
	client = &server->clients.client[slot->client];
	pid = (long)client->pid;
	/* QEMU spins for ever on a connection that ends before the memory has come. */
	if (client->state == CLIENT_HANDSHAKING)
		return answer(size, "error what=handshaking pid=%ld\nend\n", pid);
	closing_close(&server->clients, client, "released");
	return answer(size, "released pid=%ld\nend\n", pid);
}
