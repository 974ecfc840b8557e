/* SPDX-License-Identifier: MIT */
/*
 * bindings.c - slots with a socket of their own.
 */
#include "config/bindings.h"
#include "config/accounts.h"
#include "text/sizes.h"
#include "process/log.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BINDINGS_NAME_MAX 63 /* a log line, and a reader's eye, hold it */

/* The error in "WHO=PATH", as a phrase; NULL: none. */
static const char *find_fault(const char *text)
{
	const char *equals = strchr(text, '=');

	if (!equals || equals == text || equals[1] == '\0')
		return "give WHO=PATH: a number or a name, and a socket";
	if (equals - text > BINDINGS_NAME_MAX)
		return "a name has at most 63 characters";
	for (const char *c = text; c < equals; c++)
		if (!isgraph((unsigned char)*c))
			return "a name has printable characters only, and no space";
	return NULL;
}

/*
 * Cut ",user=USER" off the end of (socket), if it is there. NULL and *user, OPTIONS_NONE without
 * it; or what is wrong, as a phrase.
 */
static const char *take_user(char *socket, uint32_t *user)
{
	static const char key[] = ",user=";
	char *found = NULL;

	for (char *next = strstr(socket, key); next; next = strstr(next + 1, key))
		found = next;
	*user = OPTIONS_NONE;
	if (!found)
		return NULL;
	*found = '\0';
	if (found == socket)
		return "give WHO=PATH,user=USER: a number or a name, a socket, and a user";
	return accounts_user(found + sizeof(key) - 1, user);
}

int bindings_add(struct options *options, const char *object, uint32_t line, const char *text)
{
	const char *wrong = find_fault(text);
	struct options_slot *grown;
	uint32_t user = OPTIONS_NONE;
	char *name, *socket;

	if (!wrong && options->bound_count == BINDINGS_MAX)
		wrong = "there are too many: 4096 can be bound";
	if (wrong)
		return log_failure(object, "%.80s: %s", text, wrong);
	/* One copy for both, cut where the sign was. */
	name = options_keep(options, text, strlen(text));
	grown = realloc(options->bound, (options->bound_count + 1) * sizeof(*grown));
	if (grown)
		options->bound = grown;
	if (!name || !grown)
		return log_failure(object, "%s", strerror(ENOMEM));
	socket = strchr(name, '=');
	*socket++ = '\0';
	wrong = take_user(socket, &user);
	if (wrong)
		return log_failure(object, "%.80s: %s", text, wrong);
	options->bound[options->bound_count++] = (struct options_slot){
	    .slot = UINT32_MAX, .name = name, .socket = socket, .user = user, .line = line};
	return 0;
}

/* Print one line about (bound) that names where it was given. Answers -1. */
static int refuse(const struct options *options, const struct options_slot *bound, const char *what)
{
	char object[PATH_MAX + 32] = "--slot";

	if (bound->line)
		snprintf(object, sizeof(object), "%s:%u: slot", options->config, bound->line);
	return log_failure(object, "%s=%.107s: %s", bound->name, bound->socket, what);
}

void bindings_about(const struct options *options, const struct options_slot *bound)
{
	char where[OPTIONS_OBJECT];

	snprintf(where, sizeof(where), "%.*s:%u: slot", PATH_MAX, options->config, bound->line);
	log_about(bound->line ? where : NULL);
}

static bool is_taken(const struct options *options, uint32_t slot)
{
	for (uint32_t i = 0; i < options->bound_count; i++)
		if (options->bound[i].slot == slot)
			return true;
	return false;
}

/* (bound) has a name and a socket that no earlier one, and nothing else, has. */
static int check_unique(const struct options *options, const struct options_slot *bound)
{
	for (const struct options_slot *other = options->bound; other < bound; other++) {
		if (!strcmp(bound->name, other->name))
			return refuse(options, bound, "this name is given twice");
		if (!strcmp(bound->socket, other->socket))
			return refuse(options, bound, "this socket is given twice");
	}
	if (!strcmp(bound->socket, options->socket))
		return refuse(options, bound, "this is the common socket");
	if (options->control && !strcmp(bound->socket, options->control))
		return refuse(options, bound, "this is the control socket");
	return 0;
}

/* A name that is a number is the slot's. */
static int take_number(const struct options *options, struct options_slot *bound)
{
	uint32_t slot;

	if (bound->name[strspn(bound->name, "0123456789")])
		return 0;
	if (sizes_count(bound->name, 0, options->slots - 1, &slot))
		return refuse(options, bound, "there are not that many slots");
	if (is_taken(options, slot))
		return refuse(options, bound, "this slot is given twice");
	bound->slot = slot;
	return 0;
}

int bindings_bind(struct options *options)
{
	uint32_t next = 0;

	for (uint32_t i = 0; i < options->bound_count; i++) {
		struct options_slot *bound = &options->bound[i];

		if (bound->user != OPTIONS_NONE && !options->split)
			return refuse(options, bound,
			    "user= says whose the slot's part is, and there is one memory for all:"
			    " give --split, or no user=");
		if (check_unique(options, bound) || take_number(options, bound))
			return -1;
	}
	for (uint32_t i = 0; i < options->bound_count; i++) {
		if (options->bound[i].slot != UINT32_MAX)
			continue;
		while (is_taken(options, next))
			next++;
		if (next >= options->slots)
			return refuse(options, &options->bound[i], "there are not that many slots");
		options->bound[i].slot = next;
	}
	return 0;
}
