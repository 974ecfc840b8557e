/* SPDX-License-Identifier: MIT */
/*
 * config.c - the configuration file.
 */
#include "config/config.h"
#include "process/log.h"
#include "config/settings.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define CONFIG_MARK "\xef\xbb\xbf" /* a byte order mark: what some editors begin a file with */

/* What is being read. */
struct config {
	struct options *options;
	const char *name;
	uint32_t line;                 /* from 1 */
	uint32_t seen[SETTINGS_COUNT]; /* the line where each was given; 0: not yet */
};

static int config_refuse(const struct config *config, const char *what)
{
	char object[SETTINGS_OBJECT];

	snprintf(object, sizeof object, "%s:%u", config->name, config->line);
	log_failure(object, "%s", what);
	return OPTIONS_WRONG;
}

/*
 * A control character in the midst of (line). A carriage return is one: where lines end with nothing
 * else, what looks like many settings is one, or one comment.
 */
static int config_look(const struct config *config, const char *line)
{
	size_t size = strlen(line);
	char what[96];

	while (size > 0 && line[size - 1] == '\r')
		size--;
	for (size_t i = 0; i < size; i++) {
		unsigned char c = (unsigned char)line[i];

		if ((c >= 0x20 && c != 0x7f) || c == '\t')
			continue;
		if (c == '\r')
			return config_refuse(
			    config, "a carriage return in the midst: end lines with a newline");
		snprintf(what, sizeof what,
		    "not a setting and no comment: there is a control character, 0x%02x", c);
		return config_refuse(config, what);
	}
	return OPTIONS_GO;
}

/* What a line may have around its words. A file from Windows ends its lines with \r, too. */
static bool config_is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

/* Cut the space off both ends of the string at (text). */
static char *config_trim(char *text)
{
	char *end;

	while (config_is_space(*text))
		text++;
	end = text + strlen(text);
	while (end > text && config_is_space(end[-1]))
		end--;
	*end = '\0';
	return text;
}

/* Unknown words are shown, unless they are no words. */
static int config_unknown(const struct config *config, const char *key)
{
	char what[128];
	size_t length =
	    strspn(key, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_");

	if (length == 0 || length > 32 || key[length])
		return config_refuse(
		    config, "not a setting: write KEY = VALUE, or # for a comment");
	snprintf(what, sizeof what,
	    "%s: no such setting: the keys are the long options, as in size = 4M", key);
	return config_refuse(config, what);
}

/* One of settings_long may be set once, but for those that make a list. */
static int config_set(struct config *config, unsigned index, const char *value)
{
	const struct option *option = &settings_long[index];
	bool is_list = !strcmp(option->name, "slot") || !strcmp(option->name, "allow");
	char object[SETTINGS_OBJECT];

	/* The name is what gives way when it does not fit: it cannot be a path that was opened. */
	snprintf(object, sizeof object, "%.*s:%u: %s", PATH_MAX, config->name, config->line,
	    option->name);
	if (config->seen[index] && !is_list) {
		log_failure(object, "given in line %u already", config->seen[index]);
		return OPTIONS_WRONG;
	}
	config->seen[index] = config->line;
	if (!value && option->has_arg == required_argument) {
		log_failure(object, "give a value: %s = VALUE", option->name);
		return OPTIONS_WRONG;
	}
	return settings_set(config->options, object, config->line, option->val, value);
}

static int config_line(struct config *config, char *line)
{
	char *key, *equals, *value = NULL;

	if (config_look(config, line) != OPTIONS_GO)
		return OPTIONS_WRONG;
	key = config_trim(line);
	if (*key == '\0' || *key == '#')
		return OPTIONS_GO;
	equals = strchr(key, '=');
	if (equals) {
		*equals = '\0';
		value = config_trim(equals + 1);
		config_trim(key);
	}
	for (unsigned i = 0; i < SETTINGS_COUNT; i++) {
		if (strcmp(key, settings_long[i].name) != 0)
			continue;
		if (settings_is_own(settings_long[i].val))
			return config_refuse(config, "this is for the command line");
		return config_set(config, i, value);
	}
	return config_unknown(config, key);
}

int config_parse(struct options *options, const char *name, const char *text, size_t size)
{
	struct config config = {.options = options, .name = name};
	const char *nul = size ? memchr(text, '\0', size) : NULL;
	char *line, *next;

	if (size > CONFIG_SIZE_MAX) {
		log_failure(name, "more than %u bytes", CONFIG_SIZE_MAX);
		return OPTIONS_WRONG;
	}
	if (nul) {
		config.line = 1;
		for (const char *c = text; c < nul; c++)
			config.line += *c == '\n';
		return config_refuse(&config, "a NUL byte: this is no text");
	}
	line = options_keep(options, text, size);
	if (!line) {
		log_failure(name, "%s", strerror(ENOMEM));
		return OPTIONS_WRONG;
	}
	if (!strncmp(line, CONFIG_MARK, strlen(CONFIG_MARK)))
		line += strlen(CONFIG_MARK);
	for (; line; line = next) {
		config.line++;
		next = strchr(line, '\n');
		if (next)
			*next++ = '\0';
		if (config_line(&config, line) != OPTIONS_GO)
			return OPTIONS_WRONG;
	}
	return OPTIONS_GO;
}

/* Everything from the beginning of (fd), at most one byte more than is allowed. */
static int config_read(struct options *options, int fd)
{
	size_t size = 0;
	struct stat st;
	char *text;

	if (fstat(fd, &st) || !S_ISREG(st.st_mode)) {
		log_failure(options->config, "not a regular file");
		return OPTIONS_WRONG;
	}
	text = malloc(CONFIG_SIZE_MAX + 1);
	while (text && size <= CONFIG_SIZE_MAX) {
		ssize_t got = pread(fd, text + size, CONFIG_SIZE_MAX + 1 - size, (off_t)size);

		if (got == 0)
			break;
		if (got > 0) {
			size += (size_t)got;
		} else if (errno != EINTR) {
			log_failure(options->config, "read: %s", strerror(errno));
			free(text);
			return OPTIONS_WRONG;
		}
	}
	options->text = text ? options_keep(options, text, size) : NULL;
	options->text_size = size;
	free(text);
	if (options->text)
		return OPTIONS_GO;
	log_failure(options->config, "%s", strerror(ENOMEM));
	return OPTIONS_WRONG;
}

int config_load(struct options *options, int fd)
{
	int status;
	int file = fd;

	/* What blocks until somebody writes, a FIFO, is opened and then refused. */
	if (fd < 0)
		file = open(options->config, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (file < 0) {
		log_failure(options->config, "open: %s", strerror(errno));
		return OPTIONS_WRONG;
	}
	status = config_read(options, file);
	if (fd < 0)
		close(file);
	if (status != OPTIONS_GO)
		return status;
	return config_parse(options, options->config, options->text, options->text_size);
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
