/* SPDX-License-Identifier: MIT */
/*
 * memory.c - a memory file that somebody left, or the files of a split region in their folder: what
 * they hold, and who uses them, without a trace.
 */
#include "peer/memory.h"

#include "app/status.h"
#include "peer/stop.h"
#include "process/clock.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

static int failed(const struct memory *m, const char *why)
{
	fprintf(stderr, "ivsh: %s: %s\n", m->path, why);
	return STATUS_FAILED;
}

static int failed_by(const struct memory *m, int error)
{
	int status = failed(m, strerror(error));

	return error == ENOENT ? STATUS_NO_DEVICE : status;
}

/* The transport of one who only looks. */
static uint32_t no_doorbells(void *ctx)
{
	(void)ctx;
	return 0;
}

static uint64_t now_ns(void *ctx)
{
	(void)ctx;
	return clock_now_ns();
}

static void sleep_until(void *ctx, uint32_t seen, uint64_t deadline_ns)
{
	const struct timespec end = {
	    (time_t)(deadline_ns / 1000000000u), (long)(deadline_ns % 1000000000u)};

	(void)ctx;
	(void)seen;
	(void)clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &end, NULL);
}

/*
 * Whether all bytes are zero. Holes are: they are not read, since that would make pages of them on
 * tmpfs. A file system that knows no holes says that all is data.
 */
static bool is_zero(const struct memory *m)
{
	static const uint8_t zero[4096];
	const uint8_t *bytes = m->base;
	uint64_t size = m->mem.size, end;
	off_t at = 0, hole;

	while ((at = lseek(m->fd, at, SEEK_DATA)) >= 0 && (uint64_t)at < size) {
		hole = lseek(m->fd, at, SEEK_HOLE);
		end = hole < 0 || (uint64_t)hole > size ? size : (uint64_t)hole;
		for (uint64_t i = (uint64_t)at; i < end; i += sizeof(zero))
			if (memcmp(bytes + i, zero,
				end - i < sizeof(zero) ? (size_t)(end - i) : sizeof(zero)) != 0)
				return false;
		at = (off_t)end;
	}
	/* ENXIO: only a hole is left. */
	return at >= 0 || errno == ENXIO;
}

/* What the bytes are. */
static void classify(struct memory *m)
{
	m->error = probe_open(&m->probe, &m->mem, &m->attach);
	if (m->error == IVSH_ENODEV)
		m->kind = is_zero(m) ? MEMORY_EMPTY : MEMORY_OTHER;
	else if (m->error == IVSH_EPROTO && m->attach.found_magic != 0)
		m->kind = MEMORY_OTHER;
	else
		m->kind = MEMORY_REGION;
}

static int map(struct memory *m)
{
	m->mem.size = (uint64_t)m->st.st_size;
	if ((size_t)m->mem.size != m->mem.size)
		return failed(m, "more bytes than a process of this machine can map");
	m->base = mmap(NULL, (size_t)m->mem.size, PROT_READ, MAP_SHARED, m->fd, 0);
	if (m->base == MAP_FAILED) {
		m->base = NULL;
		return failed_by(m, errno);
	}
	m->mem.base = m->base;
	stop_memory(m->path, m->base, m->fd, m->mem.size);
	classify(m);
	return STATUS_DONE;
}

/* Check the file m->fd, and map it. */
static int file_check(struct memory *m)
{
	uint64_t size;

	if (fstat(m->fd, &m->st))
		return failed_by(m, errno);
	size = (uint64_t)m->st.st_size;
	if (!S_ISREG(m->st.st_mode) || size < IVSH_WIRE_PAGE || (size & (size - 1)) != 0)
		return failed(
		    m, "no memory: that is a file of a power of two of bytes, 4096 at least");
	return map(m);
}

/* m->fd is a folder: open what is in it. */
static int folder_check(struct memory *m)
{
	int status;

	m->folder = m->fd;
	status = memory_parts_open(m);
	if (status == STATUS_DONE && m->fd >= 0) {
		status = file_check(m);
	} else {
		m->kind = MEMORY_EMPTY;
		m->error = IVSH_ENODEV;
	}
	if (status == STATUS_DONE && m->fd >= 0 && m->error == 0)
		m->part_count = m->probe.region.geometry.slots;
	return status;
}

char *memory_folder(char *path)
{
	size_t length = strlen(path);

	while (length > 1 && path[length - 1] == '/')
		path[--length] = '\0';
	return path;
}

int memory_open(struct memory *m, const char *path, bool follows)
{
	/* O_NONBLOCK: opening a FIFO by mistake must not wait for its other end. */
	int flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | (follows ? 0 : O_NOFOLLOW);
	int status = STATUS_DONE;

	memset(m, 0, sizeof(*m));
	m->path = path;
	m->fd = m->folder = -1;
	m->kind = MEMORY_OTHER;
	m->mem = (struct ivsh_mem){.self = IVSH_SELF_NONE,
	    .doorbell = {.count = no_doorbells, .now_ns = now_ns, .sleep = sleep_until}};
	if (entry_open(&m->entry, path))
		return failed_by(m, errno);
	m->fd = openat(m->entry.folder, m->entry.name, flags);
	/* A folder need not be listed. */
	if (m->fd < 0 && errno == EACCES)
		m->fd = openat(m->entry.folder, m->entry.name,
		    O_PATH | O_DIRECTORY | O_CLOEXEC | (follows ? 0 : O_NOFOLLOW));
	if (m->fd < 0 && errno == ELOOP)
		return failed(m, "a link: give the file that it leads to");
	if (m->fd < 0 || fstat(m->fd, &m->folder_st))
		return failed_by(m, errno);
	if (S_ISDIR(m->folder_st.st_mode))
		status = folder_check(m);
	else
		status = file_check(m);
	return status;
}

uint32_t memory_watch(struct memory *m)
{
	uint32_t alive;

	if (m->error)
		return 0;
	probe_watch(&m->probe);
	alive = m->probe.server_moves;
	for (uint32_t i = 0; i < m->probe.region.geometry.slots; i++)
		alive += m->probe.slot[i].moves;
	return alive;
}

static bool is_file(const struct stat *st, uint64_t inode, unsigned from_major, unsigned from_minor)
{
	return inode == st->st_ino && from_major == major(st->st_dev) &&
	       from_minor == minor(st->st_dev);
}

/* Whether it is one of the files. */
static bool is_one(const struct memory *m, uint64_t inode, unsigned from_major, unsigned from_minor)
{
	if (m->fd >= 0 && is_file(&m->st, inode, from_major, from_minor))
		return true;
	for (uint32_t i = 0; m->folder >= 0 && i < IVSH_WIRE_SLOTS_MAX; i++)
		if (m->part[i].fd >= 0 && is_file(&m->part[i].st, inode, from_major, from_minor))
			return true;
	return false;
}

/* Whether one of the files is among the mappings in (maps). proc(5). */
static bool is_among(FILE *maps, const struct memory *m)
{
	unsigned long long inode;
	unsigned major_number, minor_number;
	char line[512];
	bool found = false, is_start = true;

	/* The rest of a line that is longer, which is its path, is no line. */
	while (!found && fgets(line, sizeof(line), maps)) {
		found = is_start &&
			sscanf(line, "%*x-%*x %*s %*x %x:%x %llu", &major_number, &minor_number,
			    &inode) == 3 &&
			is_one(m, inode, major_number, minor_number);
		is_start = strchr(line, '\n') != NULL;
	}
	return found;
}

/* What the process (pid) calls itself, printable. */
static void name_read(int proc, const char *pid, char name[32])
{
	char path[280];
	ssize_t size = 0;
	int fd;

	snprintf(path, sizeof(path), "%s/comm", pid);
	fd = openat(proc, path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		size = read(fd, name, 31);
		close(fd);
	}
	name[size > 0 ? size : 0] = '\0';
	name[strcspn(name, "\n")] = '\0';
	for (char *c = name; *c; c++)
		if (*c < 0x20 || *c > 0x7e)
			*c = '.';
}

/* One process: is it a user? */
static void user_check(struct memory *m, int proc, const char *pid)
{
	char path[280];
	FILE *maps = NULL;
	int fd;

	snprintf(path, sizeof(path), "%s/maps", pid);
	fd = openat(proc, path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0)
		maps = fdopen(fd, "r");
	if (!maps) {
		m->hidden += errno == EACCES || errno == EPERM;
		if (fd >= 0)
			close(fd);
		return;
	}
	if (is_among(maps, m)) {
		if (m->users < MEMORY_USERS) {
			(void)sscanf(pid, "%d", &m->user[m->users].pid);
			name_read(proc, pid, m->user[m->users].name);
		}
		m->users++;
	} else if (ferror(maps)) {
		m->hidden++;
	}
	fclose(maps);
}

void memory_users(struct memory *m)
{
	char self[24];
	struct dirent *entry;
	DIR *proc = opendir("/proc");

	m->users = m->hidden = 0;
	snprintf(self, sizeof(self), "%d", (int)getpid());
	if (!proc) {
		m->hidden = 1;
		return;
	}
	while ((entry = readdir(proc)))
		if (isdigit((unsigned char)entry->d_name[0]) && strcmp(entry->d_name, self) != 0)
			user_check(m, dirfd(proc), entry->d_name);
	closedir(proc);
}

uint64_t memory_allocated(const struct memory *m)
{
	uint64_t blocks = m->fd >= 0 ? (uint64_t)m->st.st_blocks : 0;

	for (uint32_t i = 0; m->folder >= 0 && i < IVSH_WIRE_SLOTS_MAX; i++)
		blocks += m->part[i].fd >= 0 ? (uint64_t)m->part[i].st.st_blocks : 0;
	return blocks * 512;
}

void memory_close(struct memory *m)
{
	memory_parts_close(m);
	if (m->base)
		munmap(m->base, (size_t)m->mem.size);
	if (m->fd >= 0)
		close(m->fd);
	entry_close(&m->entry);
	m->base = NULL;
	m->fd = -1;
}
