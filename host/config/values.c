/* SPDX-License-Identifier: MIT */
/*
 * values.c - what a setting's value may be.
 */
#include "config/values.h"
#include "config/accounts.h"
#include "config/bindings.h"
#include "text/geometry.h"
#include "text/sizes.h"
#include "process/log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define VALUES_ALLOW_MAX 4096u /* each is compared with every client that connects */

/* (wrong) is a phrase about the text, or NULL. */
static int check(const struct value *value, const char *wrong)
{
	return wrong ? log_failure(value->object, "%.80s: %s", value->text, wrong) : 0;
}

static int set_flag(const struct value *value, bool is_inverse)
{
	bool is_yes = !value->text || !strcmp(value->text, "yes");

	if (!is_yes && strcmp(value->text, "no") != 0)
		return check(value, "give yes or no, or only the name");
	*(bool *)value->field = is_yes != is_inverse;
	return 0;
}

int values_flag(const struct value *value)
{
	return set_flag(value, false);
}

int values_inverse_flag(const struct value *value)
{
	return set_flag(value, true);
}

int values_text(const struct value *value)
{
	*(const char **)value->field = value->text;
	return 0;
}

int values_count(const struct value *value)
{
	const char *wrong = sizes_count(value->text, value->least, value->most, value->field);

	if (!wrong)
		return 0;
	return log_failure(value->object, "%.80s: %s: give %u to %u", value->text, wrong,
	    value->least, value->most);
}

int values_mode(const struct value *value)
{
	return check(value, sizes_mode(value->text, value->field));
}

int values_group(const struct value *value)
{
	return check(value, accounts_group(value->text, value->field));
}

int values_user(const struct value *value)
{
	return check(
	    value, accounts_both(value->text, &value->options->user, &value->options->group));
}

/* 0 is no limit: 0 in the field means that nothing was given. */
int values_per_uid(const struct value *value)
{
	struct options *options = value->options;

	if (values_count(value))
		return -1;
	if (options->per_uid == 0)
		options->per_uid = UINT32_MAX;
	return 0;
}

int values_size(const struct value *value)
{
	struct options *options = value->options;
	const char *wrong = options->is_legacy ? sizes_parse_qemu(value->text, &options->size)
					       : sizes_parse(value->text, &options->size);

	options->size_text = value->text;
	return check(value, wrong);
}

int values_log_size(const struct value *value)
{
	return check(value, geometry_log_parse(value->text, value->field));
}

int values_memory(const struct value *value)
{
	value->options->kind = (enum backend_kind)value->least;
	value->options->memory = value->text;
	return 0;
}

int values_hugetlb(const struct value *value)
{
	value->options->kind = BACKEND_HUGETLB;
	value->options->memory = NULL;
	return check(value, sizes_page(value->text, &value->options->huge_page));
}

int values_allow(const struct value *value)
{
	struct options *options = value->options;
	struct options_allow allow = {.is_group = value->text[0] == 'g'};
	struct options_allow *grown;
	const char *wrong;

	if (options->allow_count == VALUES_ALLOW_MAX)
		wrong = "there are too many: 4096 can be named; name a group";
	else if (!strncmp(value->text, "user:", 5))
		wrong = accounts_user(value->text + 5, &allow.id);
	else if (!strncmp(value->text, "group:", 6))
		wrong = accounts_group(value->text + 6, &allow.id);
	else
		wrong = "give user:NAME or group:NAME";
	if (wrong)
		return check(value, wrong);
	grown = realloc(options->allow, (options->allow_count + 1) * sizeof(*grown));
	if (!grown)
		return check(value, strerror(errno));
	options->allow = grown;
	options->allow[options->allow_count++] = allow;
	return 0;
}

int values_slot(const struct value *value)
{
	return bindings_add(value->options, value->object, value->line, value->text);
}
