/* SPDX-License-Identifier: MIT */
/*
 * drain.c - where a capture goes.
 */
#include "capture/drain.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define WAIT_MS 100   /* how long a full pipe is waited for before signals are looked for */
#define LAST_WAITS 10 /* so often after a signal: the reader is to get the end */

static int failed(struct drain *out, const char *what)
{
	fprintf(stderr, "ivsh: %s: %s%s\n", out->path, what, strerror(errno));
	return DRAIN_FAILED;
}

static int refused(const struct drain *out, const char *why)
{
	fprintf(stderr, "ivsh: %s: %s\n", out->path, why);
	return DRAIN_FAILED;
}

/* Open the descriptor. Opening a FIFO waits for its reader; a signal ends that. */
static int descriptor_open(struct drain *out, const char *path)
{
	if (!strcmp(path, "-")) {
		out->path = "stdout";
		out->fd = STDOUT_FILENO;
		if (isatty(out->fd) != 1)
			return 0;
		return refused(out, "a terminal: give --output=FILE, or a pipe");
	}
	do
		out->fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOCTTY, 0666);
	while (out->fd < 0 && errno == EINTR && !out->stopped());
	if (out->fd < 0 && errno == EINTR)
		return DRAIN_STOPPED;
	return out->fd < 0 ? failed(out, "") : 0;
}

int drain_open(struct drain *out, const char *path, size_t capacity,
    bool (*is_memory)(const struct stat *file))
{
	struct stat st;
	int error;

	*out = (struct drain){.path = path, .fd = -1, .stopped = out->stopped};
	out->error = error = descriptor_open(out, path);
	if (error)
		return error;
	if (fstat(out->fd, &st))
		return out->error = failed(out, "fstat: ");
	if (is_memory(&st))
		return out->error = refused(out, "the region itself: give another file");
	/* What was opened by others goes on where it is. */
	out->is_file = S_ISREG(st.st_mode) && out->fd != STDOUT_FILENO;
	if (out->is_file && ftruncate(out->fd, 0))
		return out->error = failed(out, "ftruncate: ");
	out->capacity = capacity;
	out->buffer = malloc(capacity);
	return out->buffer ? 0 : (out->error = failed(out, ""));
}

uint8_t *drain_room(struct drain *out, size_t size)
{
	return size <= out->capacity - out->used ? out->buffer + out->used : NULL;
}

void drain_add(struct drain *out, size_t size)
{
	out->used += size;
}

/* Wait until a pipe takes bytes. 0, or DRAIN_*. */
static int writable_wait(struct drain *out, unsigned *waits)
{
	struct pollfd entry = {.fd = out->fd, .events = POLLOUT};

	while (poll(&entry, 1, WAIT_MS) <= 0) {
		if (!out->stopped())
			continue;
		if (++*waits < LAST_WAITS)
			continue;
		refused(out, "nobody reads on: the capture ends in the middle of a packet");
		return DRAIN_STOPPED;
	}
	return 0;
}

/* Write (size) bytes. *done: how many were. 0, or an error. */
static int bytes_write(struct drain *out, const uint8_t *bytes, size_t size, size_t *done)
{
	unsigned waits = 0;

	for (*done = 0; *done < size;) {
		size_t piece = size - *done;
		ssize_t written;

		if (!out->is_file) {
			/* What a pipe that is writable takes without waiting: pipe(7). */
			int error = writable_wait(out, &waits);

			if (error)
				return error;
			if (piece > PIPE_BUF)
				piece = PIPE_BUF;
		}
		written = write(out->fd, bytes + *done, piece);
		if (written < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (written < 0)
			return errno == EPIPE ? DRAIN_CLOSED : failed(out, "");
		*done += (size_t)written;
	}
	return 0;
}

/* Cut the file behind its last whole block: (done) bytes of the buffer were written. */
static void file_cut(struct drain *out, size_t done)
{
	out->cut = 0;
	while (out->cut < out->used) {
		uint32_t size = drain_block(out, out->cut);

		if (size > done - out->cut)
			break;
		out->cut += size;
	}
	out->kept += out->cut;
	if (ftruncate(out->fd, (off_t)out->kept) || lseek(out->fd, (off_t)out->kept, SEEK_SET) < 0)
		(void)failed(out, "its last packet is cut: ");
}

uint32_t drain_block(const struct drain *out, size_t at)
{
	uint32_t size;

	memcpy(&size, out->buffer + at + sizeof(size), sizeof(size));
	return size;
}

int drain_flush(struct drain *out)
{
	size_t done;

	if (out->error || out->used == 0)
		return out->error;
	out->error = bytes_write(out, out->buffer, out->used, &done);
	if (out->error && out->is_file)
		file_cut(out, done);
	if (out->error)
		return out->error;
	out->kept += out->used;
	out->used = 0;
	return 0;
}

void drain_last(struct drain *out, const void *block, size_t size)
{
	size_t done;

	if (out->fd < 0)
		return;
	if (!out->error) {
		out->error = bytes_write(out, block, size, &done);
		if (!out->error || !out->is_file)
			return;
	} else if (!out->is_file || write(out->fd, block, size) == (ssize_t)size) {
		/* A file of a full disk has room where its last packet was cut off just now. */
		return;
	}
	if (ftruncate(out->fd, (off_t)out->kept))
		(void)failed(out, "its last block is cut: ");
}

void drain_close(struct drain *out)
{
	/* An error of a delayed write shows here. */
	if (out->fd >= 0 && out->fd != STDOUT_FILENO && close(out->fd) && !out->error)
		out->error = failed(out, "");
	out->fd = -1;
	free(out->buffer);
	out->buffer = NULL;
}
