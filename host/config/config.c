/* SPDX-License-Identifier: MIT */
/*
 * config.c - the configuration file.
 */
#include "config/config.h"
#include "config/settings.h"
#include "process/log.h"
#include "text/keys.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* The file that is being read. */
struct config {
	struct options *options;
	const char *name;
	uint32_t line;                 /* from 1 */
	uint32_t seen[SETTINGS_COUNT]; /* the line where each was given; 0: not yet */
};

static int refuse(const struct config *config, const char *what)
{
	char object[OPTIONS_OBJECT];

	snprintf(object, sizeof(object), "%s:%u", config->name, config->line);
	return log_failure(object, "%s", what);
}

/* Unknown words are shown, unless they are no words. */
static int refuse_unknown(const struct config *config, const char *key)
{
	char what[128];

	if (!keys_is_word(key))
		return refuse(config, "not a setting: write KEY = VALUE, or # for a comment");
	snprintf(what, sizeof(what),
	    "%s: no such setting: the keys are the long options, as in size = 4M", key);
	return refuse(config, what);
}

/* A setting may be given once, but for those that make a list. */
static int set_key(struct config *config, enum setting setting, const char *value)
{
	const char *name = settings_name(setting);
	bool is_list = setting == SETTING_SLOT || setting == SETTING_ALLOW;
	char object[OPTIONS_OBJECT];

	/* The name is what gives way when it does not fit: it cannot be a path that was opened. */
	snprintf(object, sizeof(object), "%.*s:%u: %s", PATH_MAX, config->name, config->line, name);
	if (config->seen[setting] && !is_list)
		return log_failure(object, "given in line %u already", config->seen[setting]);
	config->seen[setting] = config->line;
	if (!value && settings_needs_value(setting))
		return log_failure(object, "give a value: %s = VALUE", name);
	return settings_set(config->options, object, config->line, setting, value);
}

static int set_line(struct config *config, const struct keys *keys)
{
	enum setting setting = settings_find(keys->key);

	if (setting == SETTINGS_COUNT)
		return refuse_unknown(config, keys->key);
	if (settings_is_own(setting))
		return refuse(config, "this is for the command line");
	return set_key(config, setting, keys->value);
}

int config_parse(struct options *options, const char *name, const char *text, size_t size)
{
	struct config config = {.options = options, .name = name};
	struct keys keys;
	char *copy;
	int found;

	if (size > CONFIG_SIZE_MAX)
		return log_failure(name, "more than %u bytes", CONFIG_SIZE_MAX);
	copy = options_keep(options, text, size);
	if (!copy)
		return log_failure(name, "%s", strerror(ENOMEM));
	found = keys_open(&keys, copy, size) ? -1 : keys_next(&keys);
	for (; found > 0; found = keys_next(&keys)) {
		config.line = keys.line;
		if (set_line(&config, &keys))
			return -1;
	}
	config.line = keys.line;
	return found ? refuse(&config, keys.wrong) : 0;
}

/* Keep everything that is in (fd), at most one byte more than is allowed. */
static int read_file(struct options *options, int fd)
{
	const char *wrong;
	char *text = keys_read(fd, CONFIG_SIZE_MAX, &options->text_size, &wrong);

	if (!text)
		return log_failure(options->config, "%s", wrong);
	options->text = options_keep(options, text, options->text_size);
	free(text);
	if (options->text)
		return 0;
	return log_failure(options->config, "%s", strerror(ENOMEM));
}

int config_load(struct options *options, int fd)
{
	int status;
	int file = fd;

	/* A FIFO would block until somebody writes: it is opened without that, then refused. */
	if (fd < 0)
		file = open(options->config, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (file < 0)
		return log_failure(options->config, "open: %s", strerror(errno));
	status = read_file(options, file);
	if (fd < 0)
		close(file);
	return status ? -1
		      : config_parse(options, options->config, options->text, options->text_size);
}

int config_keep(const struct options *options)
{
	int fd;

	if (!options->config)
		return -1;
	/* Sealed: a server that was broken into must not write what the next one reads as root. */
	fd = memfd_create("ivsh-config", MFD_ALLOW_SEALING);
	if (fd >= 0 &&
	    write(fd, options->text, options->text_size) == (ssize_t)options->text_size &&
	    fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) == 0)
		return fd;
	if (fd >= 0)
		close(fd);
	return log_failure(options->config, "cannot be kept: %s", strerror(errno));
}
