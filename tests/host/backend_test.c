/* SPDX-License-Identifier: MIT */
/*
 * backend_test.c - memory by kind: made, opened, refused, and removed.
 */
#include "backend/backend.h"
#include "tests/lib/test.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define SIZE UINT64_C(65536)

static char folder[] = "/tmp/ivsh-backend-XXXXXX";
static char object[64]; /* the name of a shared memory object that is ours alone */
static char path[96];   /* the same object, or a file in the folder, by path */

/* Bytes of the file at (path); -1: there is none. */
static long long file_size(const char *name)
{
	struct stat st;

	return lstat(name, &st) ? -1 : (long long)st.st_size;
}

static void file_make(const char *name, long long size)
{
	int fd = open(name, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	CHECK(fd >= 0);
	CHECK_EQ(ftruncate(fd, size), 0);
	close(fd);
}

/* A request with BACKEND_KEEP for mode and group. */
static int open_memory(struct backend *b, enum backend_kind kind, const char *name, uint64_t size)
{
	const struct backend_request request = {.kind = kind,
	    .name = name,
	    .size = size,
	    .huge_page = 2u << 20,
	    .mode = BACKEND_KEEP,
	    .group = BACKEND_KEEP};

	return backend_open(b, &request);
}

static void memfd_is_sealed(void)
{
	struct backend b;

	NEED_EQ(open_memory(&b, BACKEND_MEMFD, NULL, SIZE), 0);
	CHECK(!b.is_huge);
	CHECK_EQ(fcntl(b.fd, F_GET_SEALS), F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL);
	CHECK_EQ(ftruncate(b.fd, 0), -1);
	CHECK_EQ(ftruncate(b.fd, SIZE * 2), -1);
	CHECK_EQ(fcntl(b.fd, F_ADD_SEALS, F_SEAL_WRITE), -1);
	CHECK_EQ(lseek(b.fd, 0, SEEK_END), SIZE);
	CHECK(mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, b.fd, 0) != MAP_FAILED);
	backend_close(&b);
	backend_close(&b);
}

/* Both kinds that have a name, with what exists before; (made): close removes the name. */
static const struct {
	const char *row;
	long long before; /* bytes; -1: nothing there */
	int want;
	bool made;
} named[] = {
    {"new", -1, 0, true},
    {"empty", 0, 0, false},
    {"its size", SIZE, 0, false},
    {"smaller", SIZE / 2, -1, false},
    {"larger", SIZE * 2, -1, false},
    {"one byte more", SIZE + 1, -1, false},
};

static void named_rows(enum backend_kind kind, const char *name)
{
	for (unsigned i = 0; i < sizeof(named) / sizeof(named[0]); i++) {
		struct backend b;
		struct stat st;

		test_row(named[i].row);
		unlink(path);
		if (named[i].before >= 0)
			file_make(path, named[i].before);
		CHECK_EQ(open_memory(&b, kind, name, SIZE), named[i].want);
		if (named[i].want) {
			CHECK_EQ(file_size(path), named[i].before);
			CHECK_EQ(strncmp(b.error, path, strlen(path)), 0);
			CHECK_EQ(b.fd, -1);
			continue;
		}
		CHECK_EQ(b.created, named[i].made);
		CHECK_EQ(fstat(b.fd, &st), 0);
		CHECK_EQ(st.st_size, SIZE);
		CHECK(st.st_blocks * 512 >= (long long)SIZE); /* the pages are allocated */
		CHECK_EQ(st.st_mode & 0777, 0600);
		backend_close(&b);
		CHECK_EQ(file_size(path), named[i].made ? -1 : (long long)SIZE);
	}
	unlink(path);
}

static void shm_objects(void)
{
	char slashed[72];

	snprintf(path, sizeof(path), "/dev/shm/%s", object);
	snprintf(slashed, sizeof(slashed), "/%s", object);
	named_rows(BACKEND_SHM, object);
	named_rows(BACKEND_SHM, slashed);
}

static void shm_bad_names(void)
{
	static const char *const names[] = {"", "/", "a/b", "../etc", "."};
	struct backend b;

	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		test_row(names[i]);
		CHECK_EQ(open_memory(&b, BACKEND_SHM, names[i], SIZE), -1);
	}
}

static void files(void)
{
	snprintf(path, sizeof(path), "%s/memory", folder);
	named_rows(BACKEND_FILE, path);
}

static void links_are_not_followed(void)
{
	char target[96];
	struct backend b;

	snprintf(path, sizeof(path), "%s/link", folder);
	snprintf(target, sizeof(target), "%s/target", folder);
	file_make(target, 0);
	CHECK_EQ(symlink(target, path), 0);
	CHECK_EQ(open_memory(&b, BACKEND_FILE, path, SIZE), -1);
	CHECK_EQ(file_size(target), 0);
	unlink(path);
	unlink(target);
}

static void only_files(void)
{
	struct backend b;

	CHECK_EQ(open_memory(&b, BACKEND_FILE, folder, SIZE), -1);
	CHECK_EQ(open_memory(&b, BACKEND_FILE, "/dev/null", SIZE), -1);
	snprintf(path, sizeof(path), "%s/none/memory", folder);
	CHECK_EQ(open_memory(&b, BACKEND_FILE, path, SIZE), -1);
	snprintf(path, sizeof(path), "%s/fifo", folder);
	CHECK_EQ(mkfifo(path, 0600), 0);
	CHECK_EQ(open_memory(&b, BACKEND_FILE, path, SIZE), -1);
	unlink(path);
}

static void another_s_name_stays(void)
{
	struct backend b;

	snprintf(path, sizeof(path), "%s/memory", folder);
	NEED_EQ(open_memory(&b, BACKEND_FILE, path, SIZE), 0);
	unlink(path);
	file_make(path, 5);
	backend_close(&b);
	CHECK_EQ(file_size(path), 5);
	unlink(path);
}

static void directory(void)
{
	struct backend b;
	struct stat st;

	NEED_EQ(open_memory(&b, BACKEND_HUGE, folder, SIZE), 0);
	CHECK_EQ(fstat(b.fd, &st), 0);
	CHECK_EQ(st.st_nlink, 0);
	CHECK(!b.is_huge);
	CHECK_EQ(st.st_size, SIZE);
	backend_close(&b);
	snprintf(path, sizeof(path), "%s/none", folder);
	CHECK_EQ(open_memory(&b, BACKEND_HUGE, path, SIZE), -1);
}

/* A new file gets mode and group, an existing one keeps its own. We may give our own group. */
static void mode_and_group(void)
{
	static const enum backend_kind kinds[] = {
	    BACKEND_MEMFD, BACKEND_SHM, BACKEND_FILE, BACKEND_HUGE};
	const char *const names[] = {NULL, object, path, folder};
	struct backend_request request = {.size = SIZE, .mode = 0640, .group = getgid()};
	struct backend b;
	struct stat st;

	snprintf(path, sizeof(path), "%s/memory", folder);
	if (geteuid() == 0)
		request.group = 12345;
	for (unsigned i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		request.kind = kinds[i];
		request.name = names[i];
		NEED_EQ(backend_open(&b, &request), 0);
		CHECK_EQ(fstat(b.fd, &st), 0);
		CHECK_EQ(st.st_mode & 07777, 0640);
		CHECK_EQ(st.st_gid, request.group);
		CHECK_EQ(st.st_uid, geteuid());
		backend_close(&b);
	}
	file_make(path, SIZE);
	request.kind = BACKEND_FILE;
	request.name = path;
	NEED_EQ(backend_open(&b, &request), 0);
	CHECK_EQ(fstat(b.fd, &st), 0);
	CHECK_EQ(st.st_mode & 07777, 0600);
	CHECK_EQ(st.st_gid, getegid());
	backend_close(&b);
	unlink(path);
}

/* (text) is in the error, which is one line about (object_path). */
static void check_error(const struct backend *b, const char *object_path, const char *text)
{
	CHECK_EQ(strncmp(b->error, object_path, strlen(object_path)), 0);
	CHECK(strstr(b->error, text) != NULL);
	CHECK(strchr(b->error, '\n') == NULL);
	CHECK_EQ(b->fd, -1);
}

/* A terabyte of huge pages is more than there are, whatever other processes use meanwhile. */
static void huge_pages_lack(void)
{
	struct backend_request request = {.kind = BACKEND_HUGETLB,
	    .size = UINT64_C(1) << 40,
	    .huge_page = 2u << 20,
	    .mode = BACKEND_KEEP,
	    .group = BACKEND_KEEP};
	struct backend b;

	if (access("/sys/kernel/mm/hugepages/hugepages-2048kB", F_OK))
		return; /* this machine has no pages of 2M */
	CHECK_EQ(backend_open(&b, &request), -1);
	check_error(&b, "memfd: ", "524288 needed, ");
	check_error(&b, "memfd: ", "hugepages-2048kB/nr_hugepages");
	request.huge_page = UINT64_C(1) << 31; /* no architecture has pages of 2G */
	CHECK_EQ(backend_open(&b, &request), -1);
	check_error(&b, "memfd: huge pages of 2097152 kB: ", "/sys/kernel/mm/hugepages lists");
	request.huge_page = 2u << 20;
	request.size = SIZE;
	CHECK_EQ(backend_open(&b, &request), -1);
	check_error(&b, "memfd: ", "65536 bytes are no multiple of its page size, 2097152");
}

/* A terabyte of each kind is refused before any page is allocated, and leaves nothing. */
static void too_much(void)
{
	struct backend b;

	CHECK_EQ(open_memory(&b, BACKEND_MEMFD, NULL, UINT64_C(1) << 40), -1);
	CHECK(strstr(b.error, "cannot allocate") != NULL);
	snprintf(path, sizeof(path), "/dev/shm/%s", object);
	CHECK_EQ(open_memory(&b, BACKEND_SHM, object, UINT64_C(1) << 40), -1);
	CHECK_EQ(file_size(path), -1);
}

static const struct test tests[] = {
    {"memfd: sealed", memfd_is_sealed},
    {"shm: what is there before", shm_objects},
    {"shm: impossible names", shm_bad_names},
    {"file: what is there before", files},
    {"file: symbolic links", links_are_not_followed},
    {"file: what is no file", only_files},
    {"close: the name is another's by now", another_s_name_stays},
    {"directory: unlinked", directory},
    {"mode and group", mode_and_group},
    {"huge pages: too few, and none", huge_pages_lack},
    {"allocation: more than there is", too_much},
};

int main(void)
{
	int status;

	if (!mkdtemp(folder)) {
		perror(folder);
		return 1;
	}
	snprintf(object, sizeof(object), "ivsh-backend-%ld", (long)getpid());
	status = test_main("backend", tests, sizeof(tests) / sizeof(tests[0]));
	rmdir(folder);
	return status;
}
