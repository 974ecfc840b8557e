/* SPDX-License-Identifier: MIT */
/*
 * mem_make.c - one file of a region: made, allocated as a whole, and formatted.
 */
#include "peer/mem_make.h"

#include "app/status.h"
#include "peer/progress.h"
#include "peer/stop.h"

#include <ivsh/error.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>

#define STEP (UINT64_C(64) << 20) /* bytes that are allocated between two looks at the time */

static int failed(const char *object, const char *what, const char *why)
{
	fprintf(stderr, "ivsh: %s: %s%s%s\n", object, what, *what ? ": " : "", why);
	return STATUS_FAILED;
}

/*
 * Allocate (size) bytes of (fd), and show how far it is. 0, or the error; ECANCELED: the user has
 * stopped the command.
 */
static int allocate(int fd, uint64_t size, uint64_t before, uint64_t total)
{
	uint64_t at = 0;
	int error = 0;

	while (at < size && !error) {
		uint64_t step = size - at < STEP ? size - at : STEP;

		error = posix_fallocate(fd, (off_t)at, (off_t)step);
		if (stop_signal())
			error = ECANCELED;
		else if (error == EINTR)
			error = 0; /* of another signal: once more */
		else
			at += step;
		progress_bytes("mem create", before + at, total);
	}
	if (error || before + size == total)
		progress_end();
	return error;
}

int mem_make(int fd, const char *object, uint64_t size, const struct mem_format *format,
    uint64_t before, uint64_t total)
{
	int error = allocate(fd, size, before, total);
	void *base = MAP_FAILED;

	if (error == ECANCELED) {
		fprintf(stderr, "ivsh: stopped\n");
		return STATUS_STOPPED;
	}
	if (error)
		return failed(object, "", strerror(error));
	errno = ENOMEM;
	if ((size_t)size == size) /* or a process of this machine cannot map it */
		base = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (base == MAP_FAILED)
		return failed(object, "mmap", strerror(errno));
	error = format->format(base, size, format->ctx);
	munmap(base, (size_t)size);
	return error ? failed(object, "format", ivsh_error_text(error)) : STATUS_DONE;
}

int mem_make_id(uint64_t *format_id)
{
	if (getrandom(format_id, sizeof(*format_id), 0) != (ssize_t)sizeof(*format_id))
		return failed("getrandom", "", strerror(errno));
	return STATUS_DONE;
}
