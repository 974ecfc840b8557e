/* SPDX-License-Identifier: MIT */
/*
 * state.c - what of a pair outlasts the bridge.
 */
#include "bridge/state.h"
#include "process/log.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAGIC UINT64_C(0x0331767369627264)

struct state_file {
	uint64_t magic;
	uint32_t near_turn, far_turn;
	struct state_near near[2];
	struct state_far far[2];
	uint64_t stream; /* 0 in a file of a bridge that did not know it */
};

/* The records, and behind them the kept frame. */
#define RECORDS 4096u
#define FILE_SIZE (RECORDS + STATE_FRAME)

_Static_assert(sizeof(struct state_file) <= RECORDS, "the records overlap the kept frame");

int state_folder(const char *path)
{
	struct stat st;
	int fd;

	if (mkdir(path, 0700) && errno != EEXIST)
		return log_failure(path, "%s", strerror(errno));
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st)) {
		log_failure(path, "%s", strerror(errno));
	} else if (st.st_uid != geteuid() || (st.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
		log_failure(path, "others can write there: it must be ours alone");
	} else if (flock(fd, LOCK_EX | LOCK_NB)) {
		log_failure(
		    path, "%s", errno == EWOULDBLOCK ? "another bridge uses it" : strerror(errno));
	} else {
		return fd;
	}
	if (fd >= 0)
		close(fd);
	return -1;
}

int state_open(struct state *state, int folder, const char *name)
{
	int fd = openat(folder, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	struct state_file *file = MAP_FAILED;
	bool is_new = fd < 0 && errno == ENOENT;

	if (is_new)
		fd = openat(folder, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	/* The records have their room at once, the kept frame only where it is used. */
	if (fd >= 0 && ftruncate(fd, FILE_SIZE) == 0 &&
	    (errno = posix_fallocate(fd, 0, RECORDS)) == 0)
		file = mmap(NULL, FILE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (file == MAP_FAILED) {
		log_failure(name, "%s", strerror(errno));
		if (fd >= 0)
			close(fd);
		return -1;
	}
	close(fd);
	/* Else the first access reads the kept frame's room as well, and keeps it in memory. */
	(void)madvise(file, FILE_SIZE, MADV_RANDOM);
	if (file->magic != MAGIC && !is_new)
		log_event("event=state-lost file=%s reason=\"it is damaged, or another version's: "
			  "the numbers of this pair begin anew\"",
		    name);
	if (file->magic != MAGIC)
		memset(file, 0, sizeof(*file));
	file->magic = MAGIC;
	state->file = file;
	state->kept = (uint8_t *)file + RECORDS;
	state->near = file->near[file->near_turn & 1];
	state->far = file->far[file->far_turn & 1];
	state->stream = file->stream;
	return 0;
}

void state_near_keep(struct state *state)
{
	struct state_file *file = state->file;
	uint32_t turn = !(file->near_turn & 1);

	file->near[turn] = state->near;
	/* Behind the record: whoever is killed between the two leaves the last one. */
	__atomic_store_n(&file->near_turn, turn, __ATOMIC_RELEASE);
}

void state_far_keep(struct state *state)
{
	struct state_file *file = state->file;
	uint32_t turn = !(file->far_turn & 1);

	file->far[turn] = state->far;
	__atomic_store_n(&file->far_turn, turn, __ATOMIC_RELEASE);
}

void state_stream_keep(struct state *state, uint64_t stream)
{
	/* First: whoever is killed behind it finds the last stream, and comes here again. */
	state->far.sequence = 0;
	state_far_keep(state);
	state->stream = stream;
	__atomic_store_n(&state->file->stream, stream, __ATOMIC_RELEASE);
}

bool state_has_room(struct state *state)
{
	/* Where the kernel does not know the advice, before 5.14, the first store finds out. */
	if (!state->has_room)
		state->has_room =
		    madvise(state->kept, STATE_FRAME, MADV_POPULATE_WRITE) == 0 || errno == EINVAL;
	return state->has_room;
}

void state_close(struct state *state)
{
	if (state->file)
		munmap(state->file, FILE_SIZE);
	state->file = NULL;
}
