/* SPDX-License-Identifier: MIT */
/*
 * config_test.c - the configuration file and the command line, as the struct that they fill.
 */
#include "config/config.h"
#include "config/parse.h"
#include "tests/lib/test.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define ARGUMENTS 16

/* A descriptor with (size) bytes from (text). */
static int file_of(const char *text, size_t size)
{
	int fd = memfd_create("config", MFD_CLOEXEC);

	CHECK(fd >= 0);
	CHECK_EQ(write(fd, text, size), size);
	return fd; /* its offset is at the end, where nobody may begin to read */
}

/* parse_command_line() under a name, with a file's text or NULL, and words to the first NULL. */
static int parse(
    struct options *options, const char *name, const char *text, const char *const words[ARGUMENTS])
{
	char copies[ARGUMENTS + 3][64] = {"x", "-c", "the-file"};
	char *argv[ARGUMENTS + 4] = {copies[0]};
	int argc = 1, status;
	int fd = text ? file_of(text, strlen(text)) : -1;

	if (text)
		for (; argc < 3; argc++)
			argv[argc] = copies[argc];
	for (unsigned i = 0; i < ARGUMENTS && words[i]; i++, argc++) {
		snprintf(copies[argc], sizeof copies[argc], "%s", words[i]);
		argv[argc] = copies[argc];
	}
	program_invocation_short_name = strdup(name);
	status = parse_command_line(options, argc, argv, fd);
	free(program_invocation_short_name);
	program_invocation_short_name = argv[0];
	if (fd >= 0)
		close(fd);
	/* Nothing may point into the words. */
	explicit_bzero(copies, sizeof copies);
	return status;
}

/* Words of the file alone, the status that config_parse() answers. */
static void file_rows(void)
{
	static const struct {
		const char *text;
		int want;
	} rows[] = {
	    {"", 0},
	    {"\n\n", 0},
	    {"# a comment\n  # another\n\t\r\n", 0},
	    {"raw", 0},
	    {"raw\r\n", 0},
	    {" raw = yes ", 0},
	    {"raw=no", 0},
	    {"raw = maybe", -1},
	    {"raw =", -1},
	    {"raw yes", -1},
	    {"raw\nraw", -1},
	    {"=", -1},
	    {"= raw", -1},
	    {"nonsense = 1", -1},
	    {"Raw", -1},
	    {"ra", -1}, /* getopt_long() takes a beginning, a file lasts longer */
	    {"--raw", -1},
	    {"l = 4M", -1},
	    {"help", -1},
	    {"config = other", -1},
	    {"socket", -1},
	    {"socket =", -1},
	    {"size = 4M # not a comment", -1},
	    {"slot = a=x\nslot = b=y", 0},
	    {"slot = a", -1},
	    {"allow = user:0\nallow = group:0\nallow = user:root", 0},
	    {"allow = root", -1},
	    {"allow = user:", -1},
	    {"allow = user:4294967295", -1},
	    {"\x1b[2J = 1", -1},
	};

	for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct options options = {0};

		test_row(rows[i].text);
		CHECK_EQ(config_parse(&options, "file", rows[i].text, strlen(rows[i].text)),
		    rows[i].want);
		options_free(&options);
		options_free(&options);
	}
}

/* Every beginning of a good file, in memory that ends where it ends: sanitizers watch. */
static void every_prefix(void)
{
	static const char text[] =
	    "size = 8M\r\n# x\nslot = a=/run/a\nallow = user:0\n\nraw = yes\n";

	for (size_t size = 0; size < sizeof text; size++) {
		struct options options = {0};
		char *exact = malloc(size ? size : 1);
		int error;

		if (size)
			memcpy(exact, text, size);
		error = config_parse(&options, "file", exact, size);
		CHECK(error == 0 || error == -1);
		free(exact);
		options_free(&options);
	}
}

static void most_bytes(void)
{
	struct options options = {0};
	char *text = malloc(CONFIG_SIZE_MAX + 1);

	NEED_EQ(text != NULL, 1);
	memset(text, '\n', CONFIG_SIZE_MAX + 1);
	memcpy(text, "#", 1);
	CHECK_EQ(config_parse(&options, "file", text, CONFIG_SIZE_MAX), 0);
	options_free(&options);
	CHECK_EQ(config_parse(&options, "file", text, CONFIG_SIZE_MAX + 1), -1);
	options_free(&options);
	memset(text, 'x', CONFIG_SIZE_MAX);
	CHECK_EQ(config_parse(&options, "file", text, CONFIG_SIZE_MAX), -1);
	options_free(&options);
	free(text);
}

static const char *const nothing[ARGUMENTS] = {NULL};

static void check_text(const char *got, const char *want)
{
	test_row(want);
	CHECK(got != NULL && strcmp(got, want) == 0);
	test_row(NULL);
}

static void every_key(void)
{
	static const char text[] =
	    "verbose\ndaemon = yes\npid-file = /p\nuser = 1:2\nsocket = /s\nsocket-mode = 0660\n"
	    "socket-group = 3\ncontrol = /c\ncontrol-group = 4\nallow = user:5\nallow = group:6\n"
	    "per-uid = 7\nclient-descriptors = 2048\nshm = name\nmemory-mode = 0640\n"
	    "memory-group = 8\nsize = 16M\nvectors = 3\nslots = 9\nslot = 2=/two\n"
	    "slot = a= /a b = c #\nraw = yes\nclassic = no";
	struct options o;

	NEED_EQ(parse(&o, "ivsh-server", text, nothing), PARSE_GO);
	CHECK(o.verbose && o.daemon && o.raw && !o.classic);
	check_text(o.pid_file, "/p");
	check_text(o.socket, "/s");
	check_text(o.control, "/c");
	check_text(o.memory, "name");
	check_text(o.text, text);
	CHECK_EQ(o.text_size, strlen(text));
	CHECK_EQ(o.kind, BACKEND_SHM);
	CHECK_EQ(o.user, 1);
	CHECK_EQ(o.group, 2);
	CHECK_EQ(o.socket_mode, 0660);
	CHECK_EQ(o.socket_group, 3);
	CHECK_EQ(o.control_group, 4);
	CHECK_EQ(o.memory_mode, 0640);
	CHECK_EQ(o.memory_group, 8);
	CHECK_EQ(o.per_uid, 7);
	CHECK_EQ(o.client_descriptors, 2048);
	CHECK_EQ(o.size, 16u << 20);
	CHECK_EQ(o.vectors, 3);
	CHECK_EQ(o.slots, 9);
	NEED_EQ(o.allow_count, 2);
	CHECK(!o.allow[0].is_group && o.allow[0].id == 5);
	CHECK(o.allow[1].is_group && o.allow[1].id == 6);
	NEED_EQ(o.bound_count, 2);
	CHECK_EQ(o.bound[0].slot, 2);
	CHECK_EQ(o.bound[0].line, 20);
	check_text(o.bound[0].socket, "/two");
	CHECK_EQ(o.bound[1].slot, 0);
	check_text(o.bound[1].name, "a");
	check_text(o.bound[1].socket, " /a b = c #");
	options_free(&o);
}

/* The command line wins; lists add up. */
static void precedence(void)
{
	static const char text[] = "size = 16M\nshm = one\nslots = 4\nslot = a=/a\nallow = user:1\n"
				   "daemon\nraw\nverbose = no\nhugetlb = 2M\n";
	static const char *const words[ARGUMENTS] = {"-l", "8M", "-M", "two", "--slot=b=/b",
	    "--allow=group:2", "-F", "--raw=no", "-v", "--slots=5", "-S/s", NULL};
	struct options o;

	NEED_EQ(parse(&o, "ivsh-server", text, words), PARSE_GO);
	CHECK_EQ(o.size, 8u << 20);
	CHECK_EQ(o.kind, BACKEND_SHM);
	check_text(o.memory, "two");
	CHECK_EQ(o.slots, 5);
	CHECK(!o.daemon && !o.raw && o.verbose);
	CHECK_EQ(o.geometry.slots, 5);
	CHECK_EQ(o.allow_count, 2);
	NEED_EQ(o.bound_count, 2);
	CHECK_EQ(o.bound[1].slot, 1);
	CHECK_EQ(o.bound[1].line, 0);
	check_text(o.bound[1].name, "b");
	options_free(&o);
}

/* One word each, and the defaults that follow from it. */
static void defaults(void)
{
	static const struct {
		const char *name;
		const char *word;
		int want;
		bool raw, classic, daemon;
		uint32_t slots, vectors, per_uid;
	} rows[] = {
	    {"ivsh-server", "-v", PARSE_GO, false, false, false, 8, 2, 24},
	    {"ivsh-server", "--raw", PARSE_GO, true, false, false, 8, 2, 24},
	    {"ivsh-server", "--classic", PARSE_GO, false, true, false, 8, 2, 24},
	    {"ivsh-server", "--slots=3", PARSE_GO, false, false, false, 3, 2, 19},
	    {"ivsh-server", "--per-uid=0", PARSE_GO, false, false, false, 8, 2, UINT32_MAX},
	    {"ivsh-server", "--per-uid=1", PARSE_GO, false, false, false, 8, 2, 1},
	    {"ivsh-server", "--foreground=no", PARSE_GO, false, false, true, 8, 2, 24},
	    {"ivshmem-server", "-v", PARSE_GO, true, true, true, 896, 1, 912},
	    {"ivshmem-server", "-F", PARSE_GO, true, true, false, 896, 1, 912},
	    {"ivshmem-server", "-n2", PARSE_GO, true, true, true, 448, 2, 464},
	    {"ivshmem-server", "-n64", PARSE_GO, true, true, true, 14, 64, 30},
	    {"ivshmem-server", "-n0", PARSE_GO, true, true, true, 1024, 0, 1040},
	    {"ivshmem-server", "-n1000", PARSE_GO, true, true, true, 1, 1000, 17},
	    {"ivshmem-server", "--client-descriptors=148", PARSE_GO, true, true, true, 20, 1, 36},
	    {"ivshmem-server", "--classic=no", PARSE_GO, true, false, true, 16, 1, 32},
	    {"ivshmem-server", "--raw=no", PARSE_GO, false, true, true, 8, 1, 24},
	    {"ivshmem-server", "--slot=a=/a", PARSE_WRONG, false, false, false, 0, 0, 0},
	};

	for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		const char *const words[ARGUMENTS] = {rows[i].word, "-S/s", NULL};
		struct options o;

		test_row(rows[i].word);
		CHECK_EQ(parse(&o, rows[i].name, NULL, words), rows[i].want);
		CHECK_EQ(o.raw, rows[i].raw);
		CHECK_EQ(o.classic, rows[i].classic);
		CHECK_EQ(o.daemon, rows[i].daemon);
		CHECK_EQ(o.slots, rows[i].slots);
		CHECK_EQ(o.vectors, rows[i].vectors);
		CHECK_EQ(o.per_uid, rows[i].per_uid);
		options_free(&o);
	}
}

/* Where sockets are: RUNTIME_DIRECTORY, then /run for root, else XDG_RUNTIME_DIR. */
static void sockets(void)
{
	const char *words[ARGUMENTS] = {NULL};
	struct options o;

	setenv("RUNTIME_DIRECTORY", "/run/one:/run/two", 1);
	NEED_EQ(parse(&o, "ivsh-server", NULL, words), PARSE_GO);
	check_text(o.socket, "/run/one/ivsh.sock");
	check_text(o.control, "/run/one/ivsh.sock.control");
	options_free(&o);
	NEED_EQ(parse(&o, "ivshmem-server", NULL, words), PARSE_GO);
	check_text(o.socket, "/tmp/ivshmem_socket");
	check_text(o.pid_file, "/var/run/ivshmem-server.pid");
	CHECK(o.control == NULL);
	options_free(&o);
	setenv("XDG_RUNTIME_DIR", "/run/user/5", 1);
	unsetenv("RUNTIME_DIRECTORY");
	NEED_EQ(parse(&o, "ivsh-server", NULL, words), PARSE_GO);
	check_text(o.socket, geteuid() ? "/run/user/5/ivsh.sock" : "/run/ivsh.sock");
	options_free(&o);
	words[0] = "--control=none";
	NEED_EQ(parse(&o, "ivsh-server", NULL, words), PARSE_GO);
	CHECK(o.control == NULL);
	options_free(&o);
	words[0] = "--control=/c";
	NEED_EQ(parse(&o, "ivshmem-server", NULL, words), PARSE_GO);
	check_text(o.control, "/c");
	options_free(&o);
	words[1] = "-S/c";
	CHECK_EQ(parse(&o, "ivsh-server", NULL, words), PARSE_WRONG);
	words[1] = "--slot=a=/c";
	CHECK_EQ(parse(&o, "ivsh-server", NULL, words), PARSE_WRONG);
	/* 99 bytes and ".control" fill a socket's address, 100 are too many. */
	words[0] = NULL;
	for (int size = 99; size <= 100; size++) {
		char text[160];

		snprintf(text, sizeof text, "socket = %0*d", size, 0);
		NEED_EQ(parse(&o, "ivsh-server", text, words), PARSE_GO);
		CHECK_EQ(strlen(o.socket), size);
		CHECK_EQ(o.control != NULL, size == 99);
		options_free(&o);
	}
}

static const struct test tests[] = {
    {"file: rows", file_rows},
    {"file: every beginning", every_prefix},
    {"file: 1 MiB", most_bytes},
    {"file: every key", every_key},
    {"file and command line", precedence},
    {"defaults", defaults},
    {"sockets", sockets},
};

int main(void)
{
	/* The reasons of refusals go there; sanitizers write to the descriptor itself. */
	stderr = fopen("/dev/null", "we");
	if (!stderr)
		return 1;
	return test_main("config", tests, sizeof tests / sizeof tests[0]);
}
