/* SPDX-License-Identifier: MIT */
/*
 * accounts.c - users and groups, by name or number.
 */
#include "config/accounts.h"
#include "config/known.h"
#include "text/sizes.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>

#define ACCOUNTS_NAME 256 /* more than any name: useradd(8) allows 32, login's limit is 256 */

static const char *parse_number(const char *text, uint32_t *number)
{
	return sizes_count(text, 0, UINT32_MAX - 1, number);
}

static int is_number(const char *text)
{
	return *text && !text[strspn(text, "0123456789")];
}

/* Nothing was found: because there is none, or because the look-up failed. */
static const char *missing(const char *none)
{
	switch (errno) {
	case EMFILE:
	case ENFILE:
	case ENOMEM:
	case EIO:
	case EINTR:
	case ERANGE:
		return strerror(errno);
	default: /* getpwnam(3): 0, ENOENT, ESRCH, EBADF, EPERM and others mean the same */
		return none;
	}
}

const char *accounts_user(const char *text, uint32_t *user)
{
	const struct passwd *entry;

	if (is_number(text))
		return parse_number(text, user);
	if (known_find(KNOWN_USER, text, user))
		return NULL;
	errno = 0;
	entry = getpwnam(text);
	if (!entry)
		return missing("there is no such user: create it, or give a number");
	*user = entry->pw_uid;
	known_add(KNOWN_USER, text, *user);
	return NULL;
}

const char *accounts_group(const char *text, uint32_t *group)
{
	const struct group *entry;

	if (is_number(text))
		return parse_number(text, group);
	if (known_find(KNOWN_GROUP, text, group))
		return NULL;
	errno = 0;
	entry = getgrnam(text);
	if (!entry)
		return missing("there is no such group: create it, or give a number");
	*group = entry->gr_gid;
	known_add(KNOWN_GROUP, text, *group);
	return NULL;
}

const char *accounts_both(const char *text, uint32_t *user, uint32_t *group)
{
	const char *colon = strchr(text, ':');
	const struct passwd *entry;
	const char *wrong;
	char name[ACCOUNTS_NAME];

	if (colon) {
		if ((size_t)(colon - text) >= sizeof(name))
			return "there is no such user: create it, or give a number";
		snprintf(name, sizeof(name), "%.*s", (int)(colon - text), text);
		wrong = accounts_user(name, user);
		return wrong ? wrong : accounts_group(colon + 1, group);
	}
	wrong = accounts_user(text, user);
	if (wrong)
		return wrong;
	snprintf(name, sizeof(name), "%lu", (unsigned long)*user);
	if (known_find(KNOWN_PRIMARY, name, group))
		return NULL;
	errno = 0;
	entry = getpwuid(*user);
	if (!entry)
		return missing("no user has this number: give its group too, USER:GROUP");
	*group = entry->pw_gid;
	known_add(KNOWN_PRIMARY, name, *group);
	return NULL;
}
