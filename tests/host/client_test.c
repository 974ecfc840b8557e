/* SPDX-License-Identifier: MIT */
/*
 * client_test.c - the host client against a scripted server, which may lie, and plain files.
 */
#include <ivsh/client.h>
#include <ivsh/geometry.h>
#include <ivsh/region.h>
#include "client/peers.h"
#include "tests/lib/test.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define SECOND UINT64_C(1000000000)
#define MINUTE (60 * SECOND) /* more than what is right takes on the busiest machine */

/* The descriptor that a scripted message carries. */
enum {
	NONE,
	MEMORY,
	EVENTFD,
	ODD_SIZE,
	NO_BYTES,
	PIPE,
	READ_ONLY,
	HALF,
	COMMON,      /* the header of a split region of three slots, and the server page */
	MANY_SLOTS,  /* the same, but it says 257 */
	FORMER,      /* the same, but of a geometry that cannot be */
	PART,        /* what such a part takes, rounded */
	PART_READER, /* the same, for reading only */
	PART_SHORT,  /* less than its geometry */
	END
};

struct line {
	int64_t value;
	int with;
};

static char folder[] = "/tmp/ivsh-client-XXXXXX";
static char path[96];
static pid_t server;

static int memory_make(off_t size)
{
	int fd = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	CHECK_EQ(ftruncate(fd, size), 0);
	return fd;
}

static const struct ivsh_geometry split = {3, 16, 1024, 1024, 4096};

/* The common memory of a split region, in which the word at (offset) is (value) then. */
static int common_make(size_t offset, uint32_t value)
{
	int fd = memory_make(IVSH_WIRE_COMMON_SIZE);
	uint8_t *base =
	    mmap(NULL, IVSH_WIRE_COMMON_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	CHECK_EQ(ivsh_split_format(base, IVSH_WIRE_COMMON_SIZE, &split, 77, true), 0);
	if (offset)
		memcpy(base + offset, &value, sizeof(value));
	munmap(base, IVSH_WIRE_COMMON_SIZE);
	return fd;
}

static uint64_t part_bytes(void)
{
	uint64_t size = 0;

	CHECK_EQ(ivsh_part_size(&split, &size), 0);
	return size;
}

static int carried(int with)
{
	char self[32];
	int ends[2], fd;

	switch (with) {
	case MEMORY:
		return memory_make(65536);
	case ODD_SIZE:
		return memory_make(3 * 4096);
	case NO_BYTES:
		return memory_make(0);
	case EVENTFD:
		return eventfd(0, EFD_NONBLOCK);
	case PIPE:
		return pipe(ends) ? -1 : ends[0];
	case COMMON:
		return common_make(0, 0);
	case MANY_SLOTS:
		return common_make(offsetof(struct ivsh_wire_header, slots), 257);
	case FORMER:
		return common_make(offsetof(struct ivsh_wire_header, descs), 17);
	case PART:
		return memory_make(65536);
	case PART_SHORT:
		return memory_make((off_t)part_bytes() - 4096);
	case READ_ONLY:
	case PART_READER:
		fd = memory_make(65536);
		snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
		return open(self, O_RDONLY);
	default:
		return -1;
	}
}

static void send_line(int to, const struct line *line)
{
	union {
		struct cmsghdr align;
		unsigned char bytes[CMSG_SPACE(sizeof(int))];
	} control = {.bytes = {0}};
	int64_t value = line->value;
	struct iovec io = {.iov_base = &value, .iov_len = sizeof(value)};
	struct msghdr header = {.msg_iov = &io, .msg_iovlen = 1};
	int fd = carried(line->with);

	if (fd >= 0) {
		header.msg_control = control.bytes;
		header.msg_controllen = sizeof(control.bytes);
		control.align.cmsg_level = SOL_SOCKET;
		control.align.cmsg_type = SCM_RIGHTS;
		control.align.cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(&control.align), &fd, sizeof(fd));
	}
	if (line->with == HALF) {
		io.iov_len = 3;
		if (sendmsg(to, &header, MSG_NOSIGNAL) < 0)
			_exit(1);
		poll(NULL, 0, 20);
		io.iov_base = (char *)&value + 3;
		io.iov_len = 5;
	}
	if (sendmsg(to, &header, MSG_NOSIGNAL) < 0)
		_exit(1);
	if (fd >= 0)
		close(fd);
}

/*
 * Serve one client in a child: send (lines) up to END, then close the connection if (hangup), else
 * keep it open.
 */
static void serve(const struct line *lines, bool hangup)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int listening = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char byte;
	int to;

	snprintf(path, sizeof(path), "%s/s", folder);
	unlink(path);
	strcpy(address.sun_path, path);
	CHECK_EQ(bind(listening, (struct sockaddr *)&address, sizeof(address)), 0);
	CHECK_EQ(listen(listening, 4), 0);
	fflush(stdout);
	server = fork();
	if (server == 0) {
		to = accept(listening, NULL, NULL);
		for (; lines->with != END; lines++)
			send_line(to, lines);
		if (!hangup && read(to, &byte, 1) < 0)
			_exit(1);
		_exit(0);
	}
	close(listening);
}

static void serve_end(void)
{
	kill(server, SIGKILL);
	waitpid(server, NULL, 0);
	unlink(path);
}

static int descriptors(void)
{
	DIR *open_ones = opendir("/proc/self/fd");
	int count = 0;

	while (readdir(open_ones))
		count++;
	closedir(open_ones);
	return count;
}

static const struct line good[] = {{0, NONE}, {3, NONE}, {-1, MEMORY}, {0, EVENTFD}, {0, EVENTFD},
    {7, EVENTFD}, {7, EVENTFD}, {3, EVENTFD}, {3, EVENTFD}, {0, END}};

static void handshake(void)
{
	struct ivsh_client c;

	serve(good, false);
	NEED_EQ(ivsh_client_connect(&c, path, MINUTE), 0);
	CHECK_EQ(c.mem.self, 3);
	CHECK_EQ(c.mem.size, 65536);
	CHECK_EQ(c.mem.doorbell.vectors, 2);
	CHECK_EQ(ivsh_client_peers_vectors(&c, 0), 2);
	CHECK_EQ(ivsh_client_peers_vectors(&c, 1), 0);
	CHECK_EQ(ivsh_client_peers_vectors(&c, 7), 2);
	CHECK_EQ(ivsh_client_peers_vectors(&c, 65535), 0);
	CHECK_EQ(ivsh_client_peers_vectors(&c, UINT32_MAX), 0);
	CHECK(c.is_connected && !c.is_sealed);
	CHECK_EQ(ivsh_client_poll(&c), 0);
	ivsh_client_close(&c);
	ivsh_client_close(&c);
	serve_end();
}

static void handshake_variants(void)
{
	static const struct {
		const char *row;
		struct line lines[10];
		uint32_t vectors;
	} rows[] = {
	    {"alone", {{0, NONE}, {0, NONE}, {-1, MEMORY}, {0, EVENTFD}, {0, EVENTFD}, {0, END}},
		2},
	    {"no vectors", {{0, NONE}, {0, NONE}, {-1, MEMORY}, {0, END}}, 0},
	    {"in pieces",
		{{0, HALF}, {0, HALF}, {-1, MEMORY}, {5, EVENTFD}, {0, EVENTFD}, {0, END}}, 1},
	    {"an unknown peer left",
		{{0, NONE}, {0, NONE}, {-1, MEMORY}, {9, NONE}, {0, EVENTFD}, {0, END}}, 1},
	    {"we left, it says",
		{{0, NONE}, {0, NONE}, {-1, MEMORY}, {0, EVENTFD}, {0, NONE}, {0, END}}, 1},
	};

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ivsh_client c;

		test_row(rows[i].row);
		serve(rows[i].lines, false);
		CHECK_EQ(ivsh_client_connect(&c, path, MINUTE), 0);
		CHECK_EQ(c.mem.doorbell.vectors, rows[i].vectors);
		ivsh_client_close(&c);
		serve_end();
	}
}

static void handshake_lies(void)
{
	static const struct {
		const char *row;
		struct line lines[8];
		bool hangup;
		const char *error;
	} rows[] = {
	    {"version 1", {{1, NONE}, {0, END}}, true, "version 1, this client speaks 0"},
	    {"version -1", {{-1, NONE}, {0, END}}, false, "version -1, this client speaks 0"},
	    {"version with a descriptor", {{0, EVENTFD}, {0, END}}, false, "with its version"},
	    {"nothing, then the end", {{0, END}}, true, "hung up"},
	    {"end after the version", {{0, NONE}, {0, END}}, true, "hung up"},
	    {"end after the ID", {{0, NONE}, {0, NONE}, {0, END}}, true, "hung up"},
	    {"silence", {{0, END}}, false, "silent"},
	    {"silence after the ID", {{0, NONE}, {0, NONE}, {0, END}}, false, "silent"},
	    {"ID -1", {{0, NONE}, {-1, NONE}, {0, END}}, false, "impossible ID: -1"},
	    {"ID 65536", {{0, NONE}, {65536, NONE}, {0, END}}, false, "impossible ID: 65536"},
	    {"ID with a descriptor", {{0, NONE}, {0, EVENTFD}, {0, END}}, false, "impossible ID"},
	    {"no memory", {{0, NONE}, {0, NONE}, {-1, NONE}, {0, END}}, false, "memory should"},
	    {"an eventfd first", {{0, NONE}, {0, NONE}, {0, EVENTFD}, {0, END}}, false,
		"memory should"},
	    {"three pages", {{0, NONE}, {0, NONE}, {-1, ODD_SIZE}, {0, END}}, false, "12288"},
	    {"no bytes", {{0, NONE}, {0, NONE}, {-1, NO_BYTES}, {0, END}}, false, "0 bytes"},
	    {"a pipe", {{0, NONE}, {0, NONE}, {-1, PIPE}, {0, END}}, false, "power of two"},
	    {"read-only", {{0, NONE}, {0, NONE}, {-1, READ_ONLY}, {0, END}}, false, "mmap"},
	    {"peer -2", {{0, NONE}, {0, NONE}, {-1, MEMORY}, {-2, EVENTFD}, {0, END}}, false, "-2"},
	    {"peer 65536", {{0, NONE}, {0, NONE}, {-1, MEMORY}, {65536, EVENTFD}, {0, END}}, false,
		"65536"},
	    {"a second memory", {{0, NONE}, {0, NONE}, {-1, MEMORY}, {-1, MEMORY}, {0, END}}, false,
		"peer -1"},
	};

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		/*
		 * A busy machine may keep the server from its line for longer than silence takes.
		 */
		uint64_t patience = strcmp(rows[i].error, "silent") == 0 ? SECOND / 10 : MINUTE;
		int before = descriptors();
		struct ivsh_client c;

		test_row(rows[i].row);
		serve(rows[i].lines, rows[i].hangup);
		CHECK_EQ(ivsh_client_connect(&c, path, patience), IVSH_EPLATFORM);
		CHECK(strstr(c.error, rows[i].error) != NULL);
		if (!strstr(c.error, rows[i].error))
			printf("error: %s\n", c.error);
		serve_end();
		CHECK_EQ(descriptors(), before);
	}
}

#define SPLIT                 \
	{0, NONE}, {1, NONE}, \
	{                     \
		-1, COMMON    \
	}
#define VECTORS                     \
	{0, EVENTFD}, {1, EVENTFD}, \
	{                           \
		0, END              \
	}

/*
 * The own part is mapped for writing, and only as far as it goes; the memory with the header and
 * all other parts are not: the kernel refuses it, also later, where the descriptor does.
 */
static void split_handshake(void)
{
	static const struct line lines[] = {
	    SPLIT, {-2, PART_READER}, {-3, PART}, {-4, PART_READER}, VECTORS};
	int before = descriptors();
	struct ivsh_client c;

	serve(lines, false);
	NEED_EQ(ivsh_client_connect(&c, path, MINUTE), 0);
	CHECK_EQ(c.mem.self, 1);
	CHECK_EQ(c.mem.size, IVSH_WIRE_COMMON_SIZE);
	CHECK_EQ(c.mem.part_count, 3);
	CHECK(c.mem.split == ivsh_attach_split);
	CHECK_EQ(c.mem.doorbell.vectors, 1);
	CHECK(!c.is_sealed);
	for (uint32_t i = 0; i < 3; i++) {
		const struct ivsh_mem_part *part = &c.mem.parts[i];

		CHECK_EQ(part->slot, i);
		CHECK_EQ(part->is_writable, i == 1);
		CHECK_EQ(part->size, part_bytes());
		CHECK_EQ(mprotect(part->base, 4096, PROT_READ | PROT_WRITE) == 0, i == 1);
	}
	*(volatile uint32_t *)c.mem.parts[1].base = 1;
	/* Of the memory with the header the descriptor allows it: what is mapped does not. */
	fflush(stdout);
	if (fork() == 0) {
		(void)signal(SIGSEGV, SIG_DFL); /* a sanitizer's report is no part of the test */
		*(volatile uint32_t *)c.mem.base = 1;
		_exit(0);
	}
	{
		int status = 0;

		wait(&status);
		CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
	}
	ivsh_client_close(&c);
	ivsh_client_close(&c);
	serve_end();
	CHECK_EQ(descriptors(), before);
}

/* What is wrong with another's part is none of our business. */
static void split_others(void)
{
	static const struct {
		const char *row;
		int with;
		uint64_t size;
	} rows[] = {{"short", PART_SHORT, 1}, {"no bytes", NO_BYTES, 0}, {"a pipe", PIPE, 0},
	    {"writable", PART, 2}};

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct line lines[] = {
		    SPLIT, {-2, rows[i].with}, {-3, PART}, {-4, PART_READER}, VECTORS};
		uint64_t size = rows[i].size == 0   ? 0
				: rows[i].size == 1 ? part_bytes() - 4096
						    : part_bytes();
		struct ivsh_client c;

		test_row(rows[i].row);
		serve(lines, false);
		NEED_EQ(ivsh_client_connect(&c, path, MINUTE), 0);
		CHECK_EQ(c.mem.parts[0].size, size);
		CHECK_EQ(c.mem.parts[0].base != NULL, size != 0);
		CHECK(!c.mem.parts[0].is_writable);
		CHECK_EQ(c.mem.parts[2].size, part_bytes());
		ivsh_client_close(&c);
		serve_end();
	}
}

static void split_lies(void)
{
	static const struct {
		const char *row;
		struct line lines[9];
		const char *error;
	} rows[] = {
	    {"no parts", {SPLIT, VECTORS}, "sent 0 where the part of slot 0 should be"},
	    {"one missing", {SPLIT, {-2, PART_READER}, {-4, PART_READER}, VECTORS},
		"sent -4 where the part of slot 1 should be"},
	    {"one doubled", {SPLIT, {-2, PART_READER}, {-2, PART_READER}, VECTORS},
		"sent -2 where the part of slot 1 should be"},
	    {"out of order", {SPLIT, {-3, PART}, {-2, PART_READER}, {-4, PART_READER}, VECTORS},
		"sent -3 where the part of slot 0 should be"},
	    {"no descriptor", {SPLIT, {-2, NONE}, {-3, PART}, {-4, PART_READER}, VECTORS},
		"sent -2 and no descriptor where the part of slot 0"},
	    {"one too many",
		{SPLIT, {-2, PART_READER}, {-3, PART}, {-4, PART_READER}, {-5, PART_READER},
		    {0, END}},
		"an eventfd for peer -5"},
	    {"the own one for reading",
		{SPLIT, {-2, PART_READER}, {-3, PART_READER}, {-4, PART_READER}, VECTORS},
		"the part of this slot, 1, is open for reading only"},
	    {"the own one too short",
		{SPLIT, {-2, PART_READER}, {-3, PART_SHORT}, {-4, PART_READER}, VECTORS},
		"the part of this slot, 1, has not the "},
	    {"257 slots", {{0, NONE}, {1, NONE}, {-1, MANY_SLOTS}, {-2, PART_READER}, {0, END}},
		"the region's header is damaged: it has 257 slots"},
	};

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int before = descriptors();
		struct ivsh_client c;

		test_row(rows[i].row);
		serve(rows[i].lines, false);
		CHECK_EQ(ivsh_client_connect(&c, path, MINUTE), IVSH_EPLATFORM);
		CHECK(strstr(c.error, rows[i].error) != NULL);
		if (!strstr(c.error, rows[i].error))
			printf("error: %s\n", c.error);
		CHECK(c.mem.parts == NULL && c.mem.part_count == 0);
		serve_end();
		CHECK_EQ(descriptors(), before);
	}
}

/* A geometry that cannot be gives a part no size: the attach refuses the region. */
static void split_former(void)
{
	static const struct line lines[] = {{0, NONE}, {1, NONE}, {-1, FORMER}, {-2, PART_READER},
	    {-3, PART}, {-4, PART_READER}, VECTORS};
	struct ivsh_attach attach = {0};
	struct ivsh_region region;
	struct ivsh_client c;

	serve(lines, false);
	NEED_EQ(ivsh_client_connect(&c, path, MINUTE), 0);
	CHECK_EQ(ivsh_region_probe(&region, &c.mem, &attach), IVSH_EPROTO);
	ivsh_client_close(&c);
	serve_end();
}

/* A probe has all parts for reading, whatever the server lets it do. */
static void split_probe(void)
{
	static const struct line lines[] = {{0, NONE}, {-1, NONE}, {-1, COMMON}, {-2, PART},
	    {-3, PART}, {-4, PART_READER}, {0, END}};
	struct ivsh_client c;

	serve(lines, true);
	NEED_EQ(ivsh_client_probe(&c, path, MINUTE), 0);
	CHECK_EQ(c.mem.self, IVSH_SELF_NONE);
	CHECK_EQ(c.mem.part_count, 3);
	for (uint32_t i = 0; i < 3; i++)
		CHECK(c.mem.parts[i].base && !c.mem.parts[i].is_writable);
	ivsh_client_close(&c);
	serve_end();
}

/* The files of such a region in a folder: it has (slots) of them, and the common one. */
static void folder_fill(const char *name, uint32_t slots)
{
	char file[160];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	CHECK_EQ(mkdir(path, 0700), 0);
	for (uint32_t i = 0; i <= slots; i++) {
		uint64_t size = i < slots ? 65536 : IVSH_WIRE_COMMON_SIZE;
		void *base;

		snprintf(file, sizeof(file), i < slots ? "%s/part-%u" : "%s/common", path, i);
		fd = open(file, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
		CHECK_EQ(ftruncate(fd, (off_t)size), 0);
		base = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		if (i < slots)
			CHECK_EQ(ivsh_part_format(base, size, &split, 77, i, true), 0);
		else
			CHECK_EQ(ivsh_split_format(base, size, &split, 77, true), 0);
		munmap(base, size);
		close(fd);
	}
}

static void folder_empty(void)
{
	char file[160];

	for (uint32_t i = 0; i < 4; i++) {
		snprintf(file, sizeof(file), i < 3 ? "%s/part-%u" : "%s/common", path, i);
		unlink(file);
	}
	CHECK_EQ(rmdir(path), 0);
}

static void split_folder(void)
{
	struct ivsh_attach attach = {0};
	struct ivsh_region region;
	int before = descriptors();
	struct ivsh_client c;
	char file[160];

	folder_fill("split", 3);
	NEED_EQ(ivsh_client_open_file(&c, path, 2), 0);
	CHECK_EQ(c.mem.self, 2);
	CHECK_EQ(c.mem.doorbell.vectors, 0);
	for (uint32_t i = 0; i < 3; i++)
		CHECK_EQ(mprotect(c.mem.parts[i].base, 4096, PROT_READ | PROT_WRITE) == 0, i == 2);
	CHECK_EQ(ivsh_region_probe(&region, &c.mem, &attach), 0);
	CHECK_EQ(attach.parts_out, 0);
	ivsh_client_close(&c);
	CHECK_EQ(ivsh_client_open_file(&c, path, IVSH_SELF_NONE), IVSH_EPLATFORM);
	CHECK(strstr(c.error, "parts 0 and 1 can both be written") != NULL);
	/* A link is not followed, and another's part is not asked for. */
	snprintf(file, sizeof(file), "%s/part-0", path);
	CHECK_EQ(unlink(file), 0);
	CHECK_EQ(symlink("part-1", file), 0);
	NEED_EQ(ivsh_client_open_file(&c, path, 2), 0);
	CHECK(c.mem.parts[0].base == NULL);
	CHECK_EQ(ivsh_region_probe(&region, &c.mem, &attach), 0);
	CHECK_EQ(attach.parts_out, 1);
	ivsh_client_close(&c);
	CHECK_EQ(ivsh_client_open_file(&c, path, 0), IVSH_EPLATFORM);
	CHECK(strstr(c.error, "part-0: open: ") != NULL);
	/* Only one can be written: that is the slot. */
	CHECK_EQ(unlink(file), 0);
	snprintf(file, sizeof(file), "%s/part-2", path);
	CHECK_EQ(unlink(file), 0);
	NEED_EQ(ivsh_client_open_file(&c, path, IVSH_SELF_NONE), 0);
	CHECK_EQ(c.mem.self, 1);
	ivsh_client_close(&c);
	snprintf(file, sizeof(file), "%s/common", path);
	CHECK_EQ(unlink(file), 0);
	CHECK_EQ(ivsh_client_open_file(&c, path, 1), IVSH_EPLATFORM);
	CHECK(strstr(c.error, "common: No such file") != NULL);
	folder_empty();
	CHECK_EQ(descriptors(), before);
}

static void no_server(void)
{
	char longest[200];
	struct ivsh_client c;

	memset(longest, 'x', sizeof(longest));
	longest[sizeof(longest) - 1] = '\0';
	CHECK_EQ(ivsh_client_connect(&c, longest, SECOND), IVSH_EPLATFORM);
	snprintf(path, sizeof(path), "%s/none", folder);
	CHECK_EQ(ivsh_client_connect(&c, path, SECOND), IVSH_EPLATFORM);
	CHECK(strstr(c.error, "No such file") != NULL);
}

/* The RLIMIT_NOFILE that allows (count) more descriptors; higher ones may be open already. */
static rlim_t limit_for(unsigned count)
{
	int fd[16];
	rlim_t limit;

	for (unsigned i = 0; i < count; i++)
		fd[i] = dup(0);
	limit = (rlim_t)fd[count - 1] + 1;
	for (unsigned i = 0; i < count; i++)
		close(fd[i]);
	return limit;
}

static void descriptors_run_out(void)
{
	static const struct {
		const char *row;
		unsigned descriptors;
		const char *error;
	} rows[] = {{"at the third eventfd", 4, "RLIMIT_NOFILE"},
	    {"after the last eventfd", 8, "epoll: Too many open files"}};

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct rlimit limit, less;
		struct ivsh_client c;

		test_row(rows[i].row);
		serve(good, false);
		getrlimit(RLIMIT_NOFILE, &limit);
		less = limit;
		less.rlim_cur = limit_for(rows[i].descriptors);
		setrlimit(RLIMIT_NOFILE, &less);
		CHECK_EQ(ivsh_client_connect(&c, path, MINUTE), IVSH_EPLATFORM);
		setrlimit(RLIMIT_NOFILE, &limit);
		CHECK(strstr(c.error, rows[i].error) != NULL);
		serve_end();
	}
}

static void doorbell_counts(void)
{
	struct ivsh_doorbell *doorbell;
	struct ivsh_client c;
	uint64_t began;

	serve(good, false);
	NEED_EQ(ivsh_client_connect(&c, path, MINUTE), 0);
	doorbell = &c.mem.doorbell;
	CHECK_EQ(doorbell->count(doorbell->ctx), 0);
	doorbell->notify(doorbell->ctx, 3, 0); /* ourselves */
	doorbell->notify(doorbell->ctx, 3, 1);
	doorbell->notify(doorbell->ctx, 3, 1);
	doorbell->notify(doorbell->ctx, 3, 2);     /* no such vector */
	doorbell->notify(doorbell->ctx, 1, 0);     /* no such peer */
	doorbell->notify(doorbell->ctx, 70000, 0); /* no such peer ever */
	began = doorbell->now_ns(doorbell->ctx);
	doorbell->sleep(doorbell->ctx, 0, began + MINUTE);
	CHECK(doorbell->now_ns(doorbell->ctx) - began < MINUTE / 2);
	CHECK_EQ(doorbell->count(doorbell->ctx), 3);
	CHECK_EQ(doorbell->count(doorbell->ctx), 3);
	doorbell->relax(doorbell->ctx);

	began = doorbell->now_ns(doorbell->ctx);
	doorbell->sleep(doorbell->ctx, 3, began); /* passed already */
	CHECK(doorbell->now_ns(doorbell->ctx) - began < MINUTE / 2);
	doorbell->sleep(doorbell->ctx, 3, began + SECOND / 20);
	CHECK(doorbell->now_ns(doorbell->ctx) >= began + SECOND / 20);
	ivsh_client_close(&c);
	serve_end();
}

static void doorbell_wakes(void)
{
	struct ivsh_doorbell *doorbell;
	struct ivsh_client c;
	uint64_t began;
	pid_t other;

	serve(good, false);
	NEED_EQ(ivsh_client_connect(&c, path, MINUTE), 0);
	doorbell = &c.mem.doorbell;
	began = doorbell->now_ns(doorbell->ctx);
	fflush(stdout);
	other = fork();
	if (other == 0) {
		poll(NULL, 0, 30);
		doorbell->notify(doorbell->ctx, 3, 1);
		_exit(0);
	}
	while (
	    doorbell->count(doorbell->ctx) == 0 && doorbell->now_ns(doorbell->ctx) - began < MINUTE)
		doorbell->sleep(doorbell->ctx, 0, began + MINUTE);
	CHECK_EQ(doorbell->count(doorbell->ctx), 1);
	CHECK(doorbell->now_ns(doorbell->ctx) - began < MINUTE / 2);
	waitpid(other, NULL, 0);
	ivsh_client_close(&c);
	serve_end();
}

/* QEMU makes an eventfd blocking for a moment. Neither a full nor an empty one may block us. */
static void doorbell_blocks(void)
{
	const uint64_t full = UINT64_MAX - 1;
	struct ivsh_client c;

	serve(good, false);
	NEED_EQ(ivsh_client_connect(&c, path, MINUTE), 0);
	CHECK_EQ(write(c.peers[0].fd[1], &full, sizeof(full)), sizeof(full));
	for (unsigned i = 0; i < 2; i++) {
		CHECK_EQ(fcntl(c.peers[0].fd[i], F_SETFL, 0), 0);
		CHECK_EQ(fcntl(c.peers[3].fd[i], F_SETFL, 0), 0);
	}
	alarm(60); /* a call that blocks ends the whole test */
	c.mem.doorbell.notify(&c, 0, 1);
	CHECK_EQ(c.mem.doorbell.count(&c), 0);
	c.mem.doorbell.notify(&c, 3, 1);
	CHECK_EQ(c.mem.doorbell.count(&c), 1);
	alarm(0);
	ivsh_client_close(&c);
	serve_end();
}

static void server_ends(void)
{
	struct ivsh_client c;

	serve(good, false);
	NEED_EQ(ivsh_client_connect(&c, path, MINUTE), 0);
	serve_end();
	/* The end of the server ends the sleep. */
	c.mem.doorbell.sleep(&c, 0, c.mem.doorbell.now_ns(&c) + MINUTE);
	CHECK(!c.is_connected);
	CHECK_EQ(ivsh_client_poll(&c), IVSH_ENODEV);
	CHECK(strstr(c.error, "hung up") != NULL);
	CHECK_EQ(ivsh_client_poll(&c), 0);
	c.mem.doorbell.notify(&c, 3, 0);
	CHECK_EQ(c.mem.doorbell.count(&c), 1);
	((volatile char *)c.mem.base)[65535] = 1;
	ivsh_client_close(&c);
}

/* QEMU's server sends, later, which peers come and leave. */
static void classic_server(void)
{
	static const struct line lines[] = {{0, NONE}, {0, NONE}, {-1, MEMORY}, {0, EVENTFD},
	    {1, EVENTFD}, {2, EVENTFD}, {1, NONE}, {2, NONE}, {1, EVENTFD}, {9, EVENTFD}, {0, END}};
	struct ivsh_client c;

	serve(lines, false);
	NEED_EQ(ivsh_client_connect(&c, path, MINUTE), 0);
	for (unsigned i = 0; i < 1200 && ivsh_client_peers_vectors(&c, 9) == 0; i++)
		c.mem.doorbell.sleep(&c, 0, c.mem.doorbell.now_ns(&c) + SECOND / 20);
	CHECK_EQ(ivsh_client_peers_vectors(&c, 9), 1);
	CHECK_EQ(c.mem.doorbell.vectors, 1);
	CHECK_EQ(ivsh_client_peers_vectors(&c, 1), 1);
	CHECK_EQ(ivsh_client_peers_vectors(&c, 2), 0);
	ivsh_client_close(&c);
	serve_end();
}

static void plain_file(void)
{
	static const struct {
		const char *row;
		off_t size;
		int want;
	} rows[] = {{"4096", 4096, 0}, {"1M", 1 << 20, 0}, {"empty", 0, IVSH_EPLATFORM},
	    {"2048", 2048, IVSH_EPLATFORM}, {"4097", 4097, IVSH_EPLATFORM},
	    {"3 pages", 3 * 4096, IVSH_EPLATFORM}};
	struct ivsh_client c;

	snprintf(path, sizeof(path), "%s/memory", folder);
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

		test_row(rows[i].row);
		CHECK_EQ(ftruncate(fd, rows[i].size), 0);
		close(fd);
		CHECK_EQ(ivsh_client_open_file(&c, path, 2), rows[i].want);
		if (rows[i].want)
			continue;
		uint64_t began = c.mem.doorbell.now_ns(&c);

		CHECK_EQ(c.mem.self, 2);
		CHECK_EQ(c.mem.size, rows[i].size);
		CHECK(!c.mem.doorbell.notify);
		CHECK_EQ(c.mem.doorbell.vectors, 0);
		CHECK_EQ(c.mem.doorbell.count(&c), 0);
		CHECK_EQ(ivsh_client_poll(&c), 0);
		c.mem.doorbell.sleep(&c, 0, began + SECOND / 50);
		CHECK(c.mem.doorbell.now_ns(&c) >= began + SECOND / 50);
		ivsh_client_close(&c);
	}
	unlink(path);
	test_row("missing");
	CHECK_EQ(ivsh_client_open_file(&c, path, 2), IVSH_EPLATFORM);
	test_row("a folder");
	CHECK_EQ(ivsh_client_open_file(&c, folder, 2), IVSH_EPLATFORM);
}

static const struct test tests[] = {
    {"handshake: many peers", handshake},
    {"handshake: variants", handshake_variants},
    {"handshake: lies", handshake_lies},
    {"handshake: no server", no_server},
    {"handshake: descriptors run out", descriptors_run_out},
    {"doorbell: notify, count, sleep", doorbell_counts},
    {"doorbell: wake a sleeper", doorbell_wakes},
    {"doorbell: blocking and full", doorbell_blocks},
    {"server: ends", server_ends},
    {"server: QEMU's messages", classic_server},
    {"plain file", plain_file},
    {"split handshake", split_handshake},
    {"split others", split_others},
    {"split lies", split_lies},
    {"split former", split_former},
    {"split probe", split_probe},
    {"split folder", split_folder},
};

int main(void)
{
	int status;

	if (!mkdtemp(folder)) {
		perror(folder);
		return 1;
	}
	status = test_main("client", tests, sizeof(tests) / sizeof(tests[0]));
	rmdir(folder);
	return status;
}
