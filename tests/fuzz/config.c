/* SPDX-License-Identifier: MIT */
/*
 * config.c - the server's command line and its configuration file, of any bytes.
 *
 * The input is words, each with a NUL behind it, up to an empty one; then the file.
 */
#include "config/config.h"
#include "tests/fuzz/feed.h"
#include "config/parse.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define WORDS 24u

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	/* getopt_long() and the help; libFuzzer has its own stream by now. */
	stderr = fopen("/dev/null", "w");
	stdout = fopen("/dev/null", "w");
	setenv("XDG_RUNTIME_DIR", "/run/user/1", 1);
	unsetenv("RUNTIME_DIRECTORY");
	return 0;
}

static size_t length(const char *text)
{
	return text ? strlen(text) : 0;
}

static void check_ranges(const struct options *options)
{
	FUZZ_MUST(options->size >= 4096 && (options->size & (options->size - 1)) == 0);
	FUZZ_MUST(options->slots >= 1 && options->slots <= 65536 && options->vectors <= 2048);
	FUZZ_MUST(options->per_uid >= 1);
	FUZZ_MUST(options->socket_mode <= 0777 || options->socket_mode == OPTIONS_NONE);
	FUZZ_MUST(options->memory_mode <= 0777 || options->memory_mode == OPTIONS_NONE);
	FUZZ_MUST(options->kind <= BACKEND_HUGETLB);
	FUZZ_MUST(
	    options->kind == BACKEND_MEMFD || options->kind == BACKEND_HUGETLB || options->memory);
	FUZZ_MUST(options->kind != BACKEND_HUGETLB ||
		  (options->huge_page && (options->huge_page & (options->huge_page - 1)) == 0));
	FUZZ_MUST(!options->classic || options->bound_count == 0);
	FUZZ_MUST(options->bound_count <= options->slots);
}

/* Every string is there, and its own: the words are gone. */
static void check(const struct options *options)
{
	size_t all = length(options->config) + length(options->pid_file) + length(options->socket) +
		     length(options->control) + length(options->memory);

	FUZZ_MUST(all > 0 && options->socket);
	check_ranges(options);
	for (uint32_t i = 0; i < options->bound_count; i++) {
		const struct options_slot *bound = &options->bound[i];

		FUZZ_MUST(bound->slot < options->slots);
		FUZZ_MUST(length(bound->name) > 0 && length(bound->socket) > 0);
		FUZZ_MUST(strcmp(bound->socket, options->socket) != 0);
		for (uint32_t j = 0; j < i; j++) {
			FUZZ_MUST(options->bound[j].slot != bound->slot);
			FUZZ_MUST(strcmp(options->bound[j].socket, bound->socket) != 0);
			FUZZ_MUST(strcmp(options->bound[j].name, bound->name) != 0);
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char server[] = "ivsh-server", legacy[] = "ivshmem-server";
	char *argv[WORDS + 2], *mine = program_invocation_short_name;
	struct options options = {0}, alone = {0};
	const uint8_t *end = data + size;
	int argc = 1, file;
	const char *exact;
	bool is_legacy = size > 0 && data[0] & 1;

	data += size > 0;
	argv[0] = is_legacy ? legacy : server;
	while (argc <= (int)WORDS && data < end) {
		size_t word = strnlen((const char *)data, (size_t)(end - data));

		if (word > 0)
			argv[argc++] = strndup((const char *)data, word);
		data += word + (data + word < end);
		if (word == 0)
			break;
	}
	argv[argc] = NULL;
	file = memfd_create("config", MFD_CLOEXEC);
	FUZZ_MUST(file >= 0 && write(file, data, (size_t)(end - data)) == end - data);
	program_invocation_short_name = argv[0];
	/* A file by its name, without the descriptor, would be any file of this machine. */
	if (parse_command_line(&options, argc, argv, file) == PARSE_GO) {
		for (int i = 1; i < argc; i++)
			memset(argv[i], 0, strlen(argv[i]));
		check(&options);
	} else {
		FUZZ_MUST(!options.blocks && !options.bound && !options.allow);
	}
	options_free(&options);
	options_free(&options);
	program_invocation_short_name = mine;
	close(file);
	for (int i = 1; i < argc; i++)
		free(argv[i]);
	/* The same file alone, in memory that ends where it ends. */
	exact = memcpy(malloc((size_t)(end - data) + 1), data, (size_t)(end - data));
	(void)config_parse(&alone, "file", exact, (size_t)(end - data));
	options_free(&alone);
	free((void *)(uintptr_t)exact);
	return 0;
}
