/* SPDX-License-Identifier: MIT */
/*
 * target.c - the file that get writes.
 *
 * A file without a name (O_TMPFILE) ends with the program, however that ends. The program gives it
 * a name beside the target, and then the target's by rename(2). So a reader finds the old file or
 * the new one.
 */
#include "peer/target.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

static int failed(const struct target *t, const char *what)
{
	fprintf(stderr, "ivsh: %s: %s%s%s\n", t->path, what, *what ? ": " : "", strerror(errno));
	return -1;
}

/*
 * A name that leads into /proc is a descriptor, as /dev/stdout and /dev/fd/5: nothing stands there.
 */
static bool is_descriptor(const char *path)
{
	static const char proc[] = "/proc/";
	char *copy = strdup(path), *slash = copy ? strrchr(copy, '/') : NULL;
	char link[sizeof(proc)] = "", folder[PATH_MAX] = "";
	ssize_t size = readlink(path, link, sizeof(proc) - 1);
	bool found = size == sizeof(proc) - 1 && !memcmp(link, proc, sizeof(proc) - 1);

	if (slash && slash != copy) {
		*slash = '\0';
		if (realpath(copy, folder))
			found |= !strncmp(folder, proc, sizeof(proc) - 1);
	}
	free(copy);
	return found;
}

/* Whether the target can only be written as the bytes come. (fd) is open on it. */
static bool is_direct(struct target *t, int fd)
{
	struct stat out;

	if (!fstat(STDOUT_FILENO, &out) && out.st_dev == t->old.st_dev &&
	    out.st_ino == t->old.st_ino) {
		close(fd);
		t->fd = STDOUT_FILENO;
		return true;
	}
	if (S_ISREG(t->old.st_mode)) {
		if (!is_descriptor(t->path))
			return false;
		/* It is opened anew, and begins at 0. */
		(void)fcntl(fd, F_SETFL, O_APPEND);
	}
	t->fd = fd;
	return true;
}

/* Take (path) apart: the folder is opened, the name kept. 0, or -1 after a line. */
static int take_apart(struct target *t, const char *path)
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
	char folder[PATH_MAX] = ".";

	if (slash && (size_t)(slash - path) < sizeof(folder) - 1)
		snprintf(folder, sizeof(folder), "%.*s", (int)(slash - path) + 1, path);
	errno = !*name ? EISDIR : strlen(name) > NAME_MAX ? ENAMETOOLONG : 0;
	if (errno)
		return failed(t, "");
	strcpy(t->name, name);
	t->folder = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return t->folder < 0 ? failed(t, "") : 0;
}

/* Find a name that no file has: 0, or -1 with errno. */
static int make_name(struct target *t)
{
	uint64_t number;

	if (getrandom(&number, sizeof(number), 0) != (ssize_t)sizeof(number))
		return -1;
	snprintf(t->temporary, sizeof(t->temporary), ".ivsh-%016" PRIx64, number);
	return 0;
}

/* The file that is written until it is whole. 0, or -1 after a line. */
static int make_file(struct target *t)
{
	t->fd = openat(t->folder, ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, 0666);
	/* EISDIR: a kernel that has no O_TMPFILE; open(2). */
	if (t->fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR || errno == ENOENT)) {
		if (make_name(t))
			return failed(t, "getrandom");
		t->fd =
		    openat(t->folder, t->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
		if (t->fd < 0)
			t->temporary[0] = '\0';
	}
	return t->fd < 0 ? failed(t, "a new file beside it") : 0;
}

int target_open(struct target *t, const char *path)
{
	char real[PATH_MAX];
	struct stat link;
	int fd;

	*t = (struct target){.path = path, .fd = -1, .folder = -1};
	if (!strcmp(path, "-")) {
		t->path = "stdout";
		t->fd = STDOUT_FILENO;
		return 0;
	}
	fd = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0 && errno == ENOENT && lstat(path, &link) != 0)
		return take_apart(t, path) || make_file(t) ? -1 : 0;
	if (fd < 0)
		return failed(t, "");
	if (fstat(fd, &t->old)) {
		(void)failed(t, "fstat");
		close(fd);
		return -1;
	}
	if (is_direct(t, fd))
		return 0;
	close(fd);
	t->is_replaced = true;
	/* A link stays what it is: the file that it leads to is replaced. */
	if (!realpath(path, real))
		return failed(t, "");
	return take_apart(t, real) || make_file(t) ? -1 : 0;
}

int target_write(struct target *t, const void *data, uint32_t size)
{
	const uint8_t *bytes = data;

	for (uint32_t at = 0; at < size;) {
		ssize_t done = write(t->fd, bytes + at, size - at);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return failed(t, "");
		at += (uint32_t)done;
	}
	return 0;
}

/* The mode and owner of what is replaced; a mode that would speak of somebody else is cut. */
static int inherit(struct target *t)
{
	mode_t mode = t->old.st_mode & 0777;
	struct stat now;

	if (!t->is_replaced)
		return 0;
	if (fchown(t->fd, t->old.st_uid, t->old.st_gid) &&
	    fchown(t->fd, (uid_t)-1, t->old.st_gid) && !fstat(t->fd, &now) &&
	    now.st_gid != t->old.st_gid)
		mode &= 0707;
	return fchmod(t->fd, mode);
}

int target_keep(struct target *t)
{
	char self[64];

	if (t->folder < 0)
		return 0;
	if (inherit(t))
		return failed(t, "fchmod");
	if (!t->temporary[0]) {
		if (make_name(t))
			return failed(t, "getrandom");
		snprintf(self, sizeof(self), "/proc/self/fd/%d", t->fd);
		if (linkat(AT_FDCWD, self, t->folder, t->temporary, AT_SYMLINK_FOLLOW)) {
			t->temporary[0] = '\0';
			return failed(t, "link");
		}
	}
	/* An error of a delayed write shows here. */
	if (close(t->fd)) {
		t->fd = -1;
		return failed(t, "");
	}
	t->fd = -1;
	if (renameat(t->folder, t->temporary, t->folder, t->name))
		return failed(t, "rename");
	t->temporary[0] = '\0';
	return 0;
}

void target_close(struct target *t)
{
	if (t->temporary[0])
		(void)unlinkat(t->folder, t->temporary, 0);
	if (t->fd >= 0 && t->fd != STDOUT_FILENO)
		close(t->fd);
	if (t->folder >= 0)
		close(t->folder);
	t->fd = t->folder = -1;
	t->temporary[0] = '\0';
}
