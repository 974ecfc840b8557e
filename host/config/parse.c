/* SPDX-License-Identifier: MIT */
/*
 * parse.c - the command line, and the file that it names.
 */
#include "config/parse.h"
#include "config/bindings.h"
#include "config/complete.h"
#include "config/config.h"
#include "config/descriptors.h"
#include "config/help.h"
#include "config/settings.h"
#include "process/listener.h"
#include "process/log.h"

#include <ivsh/version.h>
#include <ivsh/wire.h>

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

static int refuse(const char *object, const char *what)
{
	log_failure(object, "%s", what);
	return PARSE_WRONG;
}

/* Which file is to be read before everything else. Errors of the command line are for later. */
static int read_file(struct options *options, int argc, char **argv, int fd)
{
	const char *config = NULL, *value;
	bool is_first = true;
	int got;

	opterr = 0;
	while ((got = settings_next(argc, argv, is_first, &value)) != SETTINGS_END) {
		if (got == SETTING_HELP || got == SETTING_VERSION || got == SETTINGS_WRONG)
			return PARSE_GO;
		if (got == SETTING_CONFIG || got == SETTING_CHECK)
			config = value;
		is_first = false;
	}
	if (!config)
		return PARSE_GO;
	options->config = options_keep(options, config, strlen(config));
	if (!options->config)
		return refuse("-c", strerror(ENOMEM));
	return config_load(options, fd) ? PARSE_WRONG : PARSE_GO;
}

/* The answer is printed: the exit status. */
static int end_of_output(void)
{
	if (!fflush(stdout))
		return 0;
	log_failure("stdout", "%s", strerror(errno));
	return 1;
}

static int show_help(void)
{
	printf("Usage: %s %s", program_invocation_short_name, help_text);
	return end_of_output();
}

static int show_version(void)
{
	printf("%s %s, region version %u\n", program_invocation_short_name, IVSH_VERSION,
	    IVSH_WIRE_VERSION);
	return end_of_output();
}

/* As listener_lock() checks it. */
static int check_path(const char *path)
{
	if (strlen(path) < LISTENER_PATH)
		return 0;
	return log_failure(path, "a socket's path has at most %u bytes", LISTENER_PATH - 1);
}

/* Check what can be checked without starting a server. */
static int check(struct options *options)
{
	settings_about(options, SETTING_SOCKET);
	if (check_path(options->socket))
		return PARSE_WRONG;
	settings_about(options, SETTING_CONTROL);
	if (options->control && check_path(options->control))
		return PARSE_WRONG;
	for (uint32_t i = 0; i < options->bound_count; i++) {
		bindings_about(options, &options->bound[i]);
		if (check_path(options->bound[i].socket))
			return PARSE_WRONG;
	}
	log_about(NULL);
	if (descriptors_check(options) || complete_geometry(options))
		return PARSE_WRONG;
	printf("%s: no error found\n", options->config);
	return end_of_output();
}

/* An option of the command line that is set like a key of the file. */
static int set_option(struct options *options, enum setting setting, const char *text)
{
	char object[OPTIONS_OBJECT];
	const char *value = text ? options_keep(options, text, strlen(text)) : NULL;

	settings_object(setting, object);
	if (text && !value)
		return refuse(object, strerror(ENOMEM));
	return settings_set(options, object, 0, setting, value) ? PARSE_WRONG : PARSE_GO;
}

static int read_line(struct options *options, int argc, char **argv)
{
	int got, status = PARSE_GO;
	const char *value;
	bool is_first = true;

	opterr = 1;
	while ((got = settings_next(argc, argv, is_first, &value)) != SETTINGS_END) {
		is_first = false;
		if (got == SETTING_HELP)
			return show_help();
		if (got == SETTINGS_WRONG)
			return PARSE_WRONG; /* getopt_long() has printed it */
		if (got == SETTING_VERSION)
			return show_version();
		options->is_check |= got == SETTING_CHECK;
		if (!settings_is_own((enum setting)got))
			status = set_option(options, (enum setting)got, value);
		if (status != PARSE_GO)
			return status;
	}
	if (optind < argc)
		return refuse(argv[optind], "takes no arguments, only options");
	return PARSE_GO;
}

int parse_command_line(struct options *options, int argc, char **argv, int config)
{
	bool legacy = !strcmp(program_invocation_short_name, "ivshmem-server");
	int status;

	complete_defaults(options, legacy);
	options->quiet = config >= 0;
	status = read_file(options, argc, argv, config);
	if (status == PARSE_GO)
		status = read_line(options, argc, argv);
	if (status == PARSE_GO && complete_options(options))
		status = PARSE_WRONG;
	if (status == PARSE_GO && options->is_check)
		status = check(options);
	if (status != PARSE_GO)
		options_free(options);
	return status;
}
