/* SPDX-License-Identifier: MIT */
/*
 * files.c - the files of put, get and send: one that is read, one that is written.
 */
#include "peer/files.h"

#include "peer/progress.h"
#include "peer/target.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define WAIT_MS 100 /* the heartbeat of a put that reads has to go on */

static const char *source_path;
static int source = -1;
static struct target target;

static int source_failed(void)
{
	fprintf(stderr, "ivsh: %s: %s\n", source_path, strerror(errno));
	return -1;
}

static int source_open(const char *path)
{
	bool is_input = strcmp(path, "-") == 0;

	source_path = is_input ? "stdin" : path;
	source = is_input ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
	/* What is typed stands where the line would be. */
	if (source >= 0 && isatty(source) == 1)
		progress_mute();
	return source < 0 ? source_failed() : 0;
}

static int32_t source_read(void *data, uint32_t size)
{
	struct pollfd ready = {.fd = source, .events = POLLIN};
	int count = poll(&ready, 1, WAIT_MS);
	ssize_t got = count > 0 ? read(source, data, size) : count;

	if (count == 0)
		return WORLD_NOT_YET;
	/* EAGAIN: standard input is not blocking, and another process was faster. */
	if (got < 0 && (errno == EINTR || errno == EAGAIN))
		return WORLD_NOT_YET;
	return got < 0 ? source_failed() : (int32_t)got;
}

/* What is left of a file: standard input may have been read in part. */
static uint64_t source_size(void)
{
	struct stat st;
	off_t at = lseek(source, 0, SEEK_CUR);

	if (fstat(source, &st) || !S_ISREG(st.st_mode) || at < 0 || at >= st.st_size)
		return 0;
	return (uint64_t)(st.st_size - at);
}

static void source_close(void)
{
	if (source > STDIN_FILENO)
		close(source);
	source = -1;
}

static int file_open(const char *path)
{
	int error = target_open(&target, path);

	if (!error && isatty(target.fd) == 1)
		progress_mute();
	return error;
}

static int file_write(const void *data, uint32_t size)
{
	return target_write(&target, data, size);
}

static int file_keep(void)
{
	return target_keep(&target);
}

static void file_close(void)
{
	target_close(&target);
}

static bool file_is_output(void)
{
	return target.fd == STDOUT_FILENO;
}

const struct world_files files = {
    .source_open = source_open,
    .source_read = source_read,
    .source_close = source_close,
    .source_size = source_size,
    .target_open = file_open,
    .target_write = file_write,
    .target_keep = file_keep,
    .target_close = file_close,
    .target_is_output = file_is_output,
};
