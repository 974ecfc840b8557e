/* SPDX-License-Identifier: MIT */
/*
 * config.c - the configuration file.
 */
#include "config/config.h"
#include "config/settings.h"
#include "process/log.h"

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

/*
 * Refuse a control character in the midst of (line). A carriage return is one: in a file whose
 * lines end with nothing else, many settings would be read as one, or as one comment.
 */
static int check_characters(const struct config *config, const char *line)
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
			return refuse(
			    config, "a carriage return in the midst: end lines with a newline");
		snprintf(what, sizeof(what),
		    "not a setting and no comment: there is a control character, 0x%02x", c);
		return refuse(config, what);
	}
	return 0;
}

/* The white space around the words of a line. A file from Windows ends its lines with \r, too. */
static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

/* Cut the space off both ends of the string at (text). */
static char *trim(char *text)
{
	char *end;

	while (is_space(*text))
		text++;
	end = text + strlen(text);
	while (end > text && is_space(end[-1]))
		end--;
	*end = '\0';
	return text;
}

/* Unknown words are shown, unless they are no words. */
static int refuse_unknown(const struct config *config, const char *key)
{
	char what[128];
	size_t length =
	    strspn(key, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_");

	if (length == 0 || length > 32 || key[length])
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

static int set_line(struct config *config, char *line)
{
	char *key, *equals, *value = NULL;
	enum setting setting;

	if (check_characters(config, line))
		return -1;
	key = trim(line);
	if (*key == '\0' || *key == '#')
		return 0;
	equals = strchr(key, '=');
	if (equals) {
		*equals = '\0';
		value = trim(equals + 1);
		trim(key);
	}
	setting = settings_find(key);
	if (setting == SETTINGS_COUNT)
		return refuse_unknown(config, key);
	if (settings_is_own(setting))
		return refuse(config, "this is for the command line");
	return set_key(config, setting, value);
}

int config_parse(struct options *options, const char *name, const char *text, size_t size)
{
	struct config config = {.options = options, .name = name};
	const char *nul = size ? memchr(text, '\0', size) : NULL;
	char *line, *next;

	if (size > CONFIG_SIZE_MAX)
		return log_failure(name, "more than %u bytes", CONFIG_SIZE_MAX);
	if (nul) {
		config.line = 1;
		for (const char *c = text; c < nul; c++)
			config.line += *c == '\n';
		return refuse(&config, "a NUL byte: this is no text");
	}
	line = options_keep(options, text, size);
	if (!line)
		return log_failure(name, "%s", strerror(ENOMEM));
	if (!strncmp(line, CONFIG_MARK, strlen(CONFIG_MARK)))
		line += strlen(CONFIG_MARK);
	for (; line; line = next) {
		config.line++;
		next = strchr(line, '\n');
		if (next)
			*next++ = '\0';
		if (set_line(&config, line))
			return -1;
	}
	return 0;
}

/* Everything from the beginning of (fd), at most one byte more than is allowed. */
static int read_file(struct options *options, int fd)
{
	size_t size = 0;
	struct stat st;
	char *text;

	if (fstat(fd, &st) || !S_ISREG(st.st_mode))
		return log_failure(options->config, "not a regular file");
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
			return -1;
		}
	}
	options->text = text ? options_keep(options, text, size) : NULL;
	options->text_size = size;
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
