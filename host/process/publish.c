/* SPDX-License-Identifier: MIT */
/*
 * publish.c - a listening socket, made where no other user can change it, and then given its name.
 *
 * Theory of operation
 *
 * Mode and group of a socket can only be set by its name, and a name in another user's folder may
 * be a link to another file by the time that it is used. So the socket is bound in a new folder
 * beside its path, which is held open and which only this user can write to. There it gets its mode
 * and group, and listens. Then it is moved: a process that sees the name can connect, and may. Only
 * a dead socket is replaced by this: what has the name is exchanged with the new socket, and
 * checked.
 */
#include "process/publish.h"
#include "backend/entry.h"
#include "process/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define PUBLISH_TRIES 16
#define PAUSE_MOST_NS 128000000 /* between two of them: 1.3 s in all */
#define PUBLISH_NAME 80 /* longer ones have no room behind /proc/self/fd/N/ in a socket's address */

/* The folder of this user alone, and the name of the socket in it. */
struct publish {
	struct entry entry; /* where it shall be */
	char folder[NAME_MAX + 1];
	struct entry own;
};

static socklen_t make_address(const char *path, struct sockaddr_un *address)
{
	memset(address, 0, sizeof(*address));
	address->sun_family = AF_UNIX;
	memcpy(address->sun_path, path, strnlen(path, sizeof(address->sun_path) - 1));
	return sizeof(*address);
}

/*
 * QEMU's own server dies of a connection that closes early. A datagram socket cannot connect to a
 * stream socket (EPROTOTYPE), and to a dead one neither (ECONNREFUSED): unix(7).
 */
int publish_probe(const char *path)
{
	struct sockaddr_un address;
	socklen_t size = make_address(path, &address);
	int probe = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int result, error;

	if (probe < 0)
		return -1;
	result = connect(probe, (struct sockaddr *)&address, size);
	error = errno;
	close(probe);
	if (result && (error == ECONNREFUSED || error == ENOENT))
		return 0;
	errno = error;
	return result && error != EPROTOTYPE ? -1 : 1;
}

/* Hold the folder (name) open, if only this user can use it. */
static int hold_folder(struct publish *publish, const char *name)
{
	struct stat st;
	int fd = openat(publish->entry.folder, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return -1;
	if (fstat(fd, &st) == 0 && st.st_uid == geteuid() && (st.st_mode & 0077) == 0) {
		publish->own.folder = fd;
		snprintf(publish->own.name, sizeof(publish->own.name), "%s",
		    strlen(publish->entry.name) <= PUBLISH_NAME ? publish->entry.name : "s");
		strcpy(publish->folder, name);
		return 0;
	}
	close(fd);
	errno = EEXIST;
	return -1;
}

/*
 * Make the folder NAME.new, or take the one that a killed process has left; take another name where
 * that folder is another user's, or may be in use.
 */
static int make_folder(struct publish *publish, bool is_locked)
{
	char name[NAME_MAX + 1];

	for (unsigned i = 0; i < PUBLISH_TRIES; i++) {
		uint32_t number = 0;

		if (i == 0 && is_locked)
			snprintf(name, sizeof(name), "%.240s.new", publish->entry.name);
		else if (getrandom(&number, sizeof(number), 0) == sizeof(number))
			snprintf(name, sizeof(name), "%.240s.%08x", publish->entry.name, number);
		if (mkdirat(publish->entry.folder, name, 0700) && errno != EEXIST)
			return -1;
		if (hold_folder(publish, name) == 0) {
			unlinkat(publish->own.folder, publish->own.name, 0);
			return 0;
		}
	}
	return -1;
}

/* Bind in that folder, set group and mode, and listen. NULL, or what failed, with errno. */
static const char *bind_inside(
    const struct publish *publish, int fd, uint32_t mode, uint32_t group, struct stat *st)
{
	char path[sizeof((struct sockaddr_un *)NULL)->sun_path];
	struct sockaddr_un address;
	int folder = publish->own.folder;
	const char *name = publish->own.name;

	snprintf(path, sizeof(path), "/proc/self/fd/%d/%.*s", folder, PUBLISH_NAME, name);
	if (bind(fd, (struct sockaddr *)&address, make_address(path, &address)))
		return "bind";
	if (group != UINT32_MAX && fchownat(folder, name, (uid_t)-1, group, AT_SYMLINK_NOFOLLOW))
		return "cannot give it to the group";
	/* After the group: with its new mode it is never open to another group. */
	if (mode != UINT32_MAX && fchmodat(folder, name, mode, 0))
		return "cannot set its mode";
	if (listen(fd, SOMAXCONN))
		return "listen";
	return entry_stat(&publish->own, st) ? "stat" : NULL;
}

/*
 * The file that had the name is in the folder now. Remove it if it is a socket without a listener.
 */
static const char *check_replaced(const struct publish *publish)
{
	char path[sizeof((struct sockaddr_un *)NULL)->sun_path];
	struct stat st;

	if (entry_stat(&publish->own, &st))
		return "stat";
	errno = ENOTSOCK;
	if (!S_ISSOCK(st.st_mode))
		return "bind";
	snprintf(path, sizeof(path), "/proc/self/fd/%d/%.*s", publish->own.folder, PUBLISH_NAME,
	    publish->own.name);
	switch (publish_probe(path)) {
	case 0:
		return unlinkat(publish->own.folder, publish->own.name, 0) ? "unlink" : NULL;
	case 1:
		errno = EADDRINUSE;
		return "bind";
	default:
		return "connect";
	}
}

static int move(const struct publish *publish, unsigned flags)
{
	return renameat2(publish->own.folder, publish->own.name, publish->entry.folder,
	    publish->entry.name, flags);
}

/*
 * Exchange until the folder has this socket, (st), again. Another process may do the same, and get
 * no processor for a while: without it, every other exchange undoes the one before.
 */
static void take_back(const struct publish *publish, const struct stat *st)
{
	struct timespec pause = {0, 1000000};

	for (unsigned i = 0; i < PUBLISH_TRIES && !entry_is(&publish->own, st); i++) {
		if (i > 0)
			nanosleep(&pause, NULL);
		if (pause.tv_nsec < PAUSE_MOST_NS)
			pause.tv_nsec *= 2;
		move(publish, RENAME_EXCHANGE);
	}
}

/* Give the socket, (st), its name. NULL, or what failed, with errno. */
static const char *give_name(const struct publish *publish, const struct stat *st)
{
	const char *wrong;
	int error;

	for (unsigned i = 0; i < PUBLISH_TRIES; i++) {
		if (move(publish, RENAME_NOREPLACE) == 0)
			return NULL;
		/* A file system that knows no such flags. */
		if (errno == EINVAL || errno == ENOSYS)
			return move(publish, 0) ? "rename" : NULL;
		if (errno != EEXIST)
			return "rename";
		if (move(publish, RENAME_EXCHANGE) == 0)
			break;
		if (errno != ENOENT)
			return "rename";
	}
	wrong = check_replaced(publish);
	error = errno;
	if (wrong)
		take_back(publish, st);
	errno = error;
	return wrong;
}

/* All of it, but for cleaning up. NULL, or what failed, with errno. */
static const char *make(struct publish *publish, struct published *made, const char *path,
    uint32_t mode, uint32_t group, bool is_locked)
{
	struct stat st = {0};
	const char *wrong;

	made->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (made->fd < 0)
		return "socket";
	if (entry_open(&publish->entry, path))
		return "open";
	if (make_folder(publish, is_locked))
		return "mkdir";
	wrong = bind_inside(publish, made->fd, mode, group, &st);
	if (!wrong)
		wrong = give_name(publish, &st);
	made->device = st.st_dev;
	made->inode = st.st_ino;
	return wrong;
}

int publish(struct published *made, const char *path, uint32_t mode, uint32_t group, bool is_locked)
{
	struct publish publish = {.entry = {.folder = -1}, .own = {.folder = -1}};
	const char *wrong = make(&publish, made, path, mode, group, is_locked);
	int error = errno;

	if (publish.own.folder >= 0) {
		/* After a failure the socket; after success nothing has this name any more. */
		unlinkat(publish.own.folder, publish.own.name, 0);
		unlinkat(publish.entry.folder, publish.folder, AT_REMOVEDIR);
	}
	entry_close(&publish.own);
	entry_close(&publish.entry);
	if (!wrong)
		return 0;
	if (made->fd >= 0)
		close(made->fd);
	return log_failure(path, "%s: %s", wrong, strerror(error));
}
