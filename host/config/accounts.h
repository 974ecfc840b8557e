/* SPDX-License-Identifier: MIT */
/*
 * accounts.h - users and groups, by name or number.
 */
#ifndef ACCOUNTS_H
#define ACCOUNTS_H

#include <stdint.h>

/*
 * The number of a user, or of a group, given by its name or as the number itself. UINT32_MAX is
 * none: chown(2) means "leave it" by that.
 *
 * NULL and the number; or what is wrong with the text, as a phrase.
 */
const char *accounts_user(const char *text, uint32_t *user);
const char *accounts_group(const char *text, uint32_t *group);

/*
 * A user and a group, "U:G" or "U": then the group is the user's own, and a number that no user has
 * needs one.
 */
const char *accounts_both(const char *text, uint32_t *user, uint32_t *group);

#endif
