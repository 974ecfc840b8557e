/* SPDX-License-Identifier: MIT */
/*
 * config.h - the configuration file.
 *
 * "KEY = VALUE" lines. The keys are the long options; those that are on or off take yes, no, or
 * nothing. A value goes to the end of its line, without the spaces around it, and nothing in it is
 * special. A line that begins with # is a comment. Only slot and allow may be there more than once.
 * Lines end with a newline, before which carriage returns may be; no other control character but
 * the tabulator is taken.
 */
#ifndef CONFIG_H
#define CONFIG_H

#include "config/options.h"

#include <stddef.h>

#define CONFIG_SIZE_MAX (UINT32_C(1) << 20) /* bytes in a file */

/*
 * Read the file options->config, or what (fd) has from its beginning on if that is not -1, into
 * options->text, and set what is in it. Never blocks: only a regular file is read.
 *
 * 0, or -1 after one line.
 */
int config_load(struct options *options, int fd);

/*
 * Set what is in (size) bytes at (text). (options) are defaults, or zeroes; in the end the caller
 * frees them, also after an error. (name) is for the lines about errors: "NAME:LINE: what".
 *
 * 0, or -1 after one line.
 */
int config_parse(struct options *options, const char *name, const char *text, size_t size);

/*
 * A copy of the configuration that (options) were read from, for the next server: what is in the
 * file may be wrong by then. Answers a descriptor, inherited by what is executed; or -1, without a
 * line when there was no configuration.
 */
int config_keep(const struct options *options);

#endif
