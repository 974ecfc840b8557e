/* SPDX-License-Identifier: MIT */
/*
 * listener.c - one listening socket, and the lock that makes it ours.
 *
 * The lock is a file beside the socket, PATH.lock. It falls with its process, however that dies, so
 * a stale one means nothing; and whoever removes it does so while holding it.
 */
#include "listener.h"
#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static void listener_lock_path(const struct listener *listener, char path[PATH_MAX])
{
	snprintf(path, PATH_MAX, "%s.lock", listener->path);
}

/* The locked file is still the one that the name leads to: nobody removed it in between. */
static bool listener_lock_holds(int fd, const char *path)
{
	struct stat ours, named;

	return fstat(fd, &ours) == 0 && lstat(path, &named) == 0 && ours.st_dev == named.st_dev &&
	       ours.st_ino == named.st_ino;
}

static int listener_take_lock(struct listener *listener)
{
	char path[PATH_MAX];

	listener_lock_path(listener, path);
	for (;;) {
		int fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);

		if (fd < 0)
			return log_failure(listener->path, "lock: %s", strerror(errno));
		if (flock(fd, LOCK_EX | LOCK_NB)) {
			int error = errno;

			close(fd);
			if (error == EWOULDBLOCK)
				return log_failure(
				    listener->path, "another server is running there");
			return log_failure(listener->path, "lock: %s", strerror(error));
		}
		if (listener_lock_holds(fd, path)) {
			listener->lock = fd;
			return 0;
		}
		close(fd);
	}
}

/* (path) is short enough: listener_lock() has looked. */
static socklen_t listener_address(const char *path, struct sockaddr_un *address)
{
	memset(address, 0, sizeof *address);
	address->sun_family = AF_UNIX;
	strcpy(address->sun_path, path);
	return sizeof *address;
}

/*
 * Look whether something living is bound there, without connecting to it: QEMU's own server dies of
 * a connection that closes early. A datagram socket cannot connect to a stream socket (EPROTOTYPE),
 * and to a dead one neither (ECONNREFUSED): unix(7).
 *
 * 0: nothing there, or dead; -1 after one line.
 */
static int listener_probe(const struct listener *listener)
{
	struct sockaddr_un address;
	socklen_t size = listener_address(listener->path, &address);
	struct stat st;
	int probe, result, error;

	if (lstat(listener->path, &st) == 0 && !S_ISSOCK(st.st_mode))
		return log_failure(listener->path, "exists and is not a socket");
	probe = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (probe < 0)
		return log_failure(listener->path, "socket: %s", strerror(errno));
	result = connect(probe, (struct sockaddr *)&address, size);
	error = errno;
	close(probe);
	if (result && (error == ECONNREFUSED || error == ENOENT))
		return 0;
	if (result && error != EPROTOTYPE)
		return log_failure(listener->path, "connect: %s", strerror(error));
	return log_failure(listener->path, "bind: %s", strerror(EADDRINUSE));
}

int listener_lock(struct listener *listener, const char *path, uint32_t slot)
{
	*listener = (struct listener){.slot = slot, .lock = -1, .fd = -1};
	if (strlen(path) >= LISTENER_PATH)
		return log_failure(path, "a socket's path has at most %u bytes", LISTENER_PATH - 1);
	strcpy(listener->path, path);
	if (listener_take_lock(listener))
		return -1;
	if (listener_probe(listener)) {
		listener_close(listener);
		return -1;
	}
	return 0;
}

static int listener_permit(
    const struct listener *listener, const char *name, uint32_t mode, uint32_t group)
{
	if (group != UINT32_MAX && chown(name, (uid_t)-1, group))
		return log_failure(listener->path, "chown to group %u: %s", group, strerror(errno));
	if (mode != UINT32_MAX && chmod(name, mode))
		return log_failure(listener->path, "chmod %o: %s", mode, strerror(errno));
	return 0;
}

/* Bind to (name) and listen: from here on connections are taken. */
static int listener_bind(struct listener *listener, const char *name, uint32_t mode, uint32_t group)
{
	struct sockaddr_un address;
	socklen_t size = listener_address(name, &address);
	struct stat st;

	listener->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (listener->fd < 0)
		return log_failure(listener->path, "socket: %s", strerror(errno));
	if (unlink(name) && errno != ENOENT)
		return log_failure(listener->path, "unlink: %s", strerror(errno));
	if (bind(listener->fd, (struct sockaddr *)&address, size))
		return log_failure(listener->path, "bind: %s", strerror(errno));
	if (lstat(name, &st) == 0) {
		listener->device = st.st_dev;
		listener->inode = st.st_ino;
	}
	if (listener_permit(listener, name, mode, group) == 0) {
		if (listen(listener->fd, SOMAXCONN) == 0)
			return 0;
		log_failure(listener->path, "listen: %s", strerror(errno));
	}
	unlink(name);
	return -1;
}

int listener_listen(struct listener *listener, uint32_t mode, uint32_t group)
{
	struct sockaddr_un address;
	char name[sizeof address.sun_path];

	/*
	 * Under another name first, so that whoever waits for the socket to appear can connect as
	 * soon as it does; and a dead server's socket is replaced in one step. A path that leaves no
	 * room for four more bytes does without.
	 */
	if (snprintf(name, sizeof name, "%s.new", listener->path) >= (int)sizeof name)
		return listener_bind(listener, listener->path, mode, group);
	if (listener_bind(listener, name, mode, group))
		return -1;
	if (rename(name, listener->path) == 0)
		return 0;
	log_failure(listener->path, "rename: %s", strerror(errno));
	unlink(name);
	return -1;
}

int listener_adopt(struct listener *listener, int fd, uint32_t slot)
{
	struct sockaddr_un address = {.sun_family = AF_UNSPEC};
	socklen_t size = sizeof address, int_size = sizeof(int), type_size = sizeof(int);
	int accepts = 0, type = 0;

	*listener = (struct listener){.slot = slot, .lock = -1, .fd = fd};
	if (getsockname(fd, (struct sockaddr *)&address, &size) || address.sun_family != AF_UNIX ||
	    getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &accepts, &int_size) || !accepts ||
	    getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &type_size) || type != SOCK_STREAM ||
	    fcntl(fd, F_SETFL, O_RDWR | O_NONBLOCK))
		return log_failure("LISTEN_FDS", "%d is no listening UNIX stream socket", fd);
	snprintf(listener->path, sizeof listener->path, "%s", address.sun_path);
	return 0;
}

static void listener_own(struct listener *listener)
{
	struct stat st;

	if (lstat(listener->path, &st) == 0) {
		listener->device = st.st_dev;
		listener->inode = st.st_ino;
	}
}

void listener_inherit(struct listener *listener, const char *path, uint32_t slot, int fd, int lock)
{
	*listener = (struct listener){.slot = slot, .lock = lock, .fd = fd};
	snprintf(listener->path, sizeof listener->path, "%s", path);
	listener_own(listener);
}

void listener_close(struct listener *listener)
{
	char path[PATH_MAX];
	struct stat st;

	if (listener->fd >= 0) {
		close(listener->fd);
		if (listener->inode && lstat(listener->path, &st) == 0 &&
		    st.st_dev == listener->device && st.st_ino == listener->inode)
			unlink(listener->path);
	}
	if (listener->lock >= 0) {
		listener_lock_path(listener, path);
		unlink(path);
		close(listener->lock);
	}
	listener->fd = listener->lock = -1;
}
