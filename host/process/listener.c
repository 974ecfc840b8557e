/* SPDX-License-Identifier: MIT */
/*
 * listener.c - a listening socket, and its lock.
 *
 * The lock is a file beside the socket, PATH.lock, which only its user can open. The kernel unlocks
 * it when its process ends, however that ends, so a file that is left over means nothing. A process
 * removes the file only while it has it locked.
 */
#include "process/listener.h"
#include "backend/entry.h"
#include "process/holder.h"
#include "process/log.h"
#include "process/publish.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define LISTENER_TRIES 64 /* others may remove the lock as often as they end */

static void lock_path(const struct listener *listener, char path[PATH_MAX])
{
	snprintf(path, PATH_MAX, "%s.lock", listener->path);
}

/* A lock file that another user made proves nothing, and is left alone. */
static int go_without_lock(const struct listener *listener, uid_t user)
{
	log_event("event=warning what=foreign-lock path=%s.lock uid=%u", listener->path, user);
	return 0;
}

/* Another server has locked the open file (st): print which, and how to end it. */
static int refuse_busy(const struct listener *listener, const struct stat *st)
{
	struct holder holder;
	char who[64] = "";

	holder_find(&holder, st);
	if (holder.count > 0)
		snprintf(who, sizeof(who), ", process %ld%s", (long)holder.pid[0],
		    holder.is_alone ? ", whose supervisor was killed" : "");
	return log_failure(listener->path,
	    "another server is running there%s: ivsh-server stop -S %s ends it", who,
	    listener->path);
}

/*
 * Lock the open file (fd), if only this user can open it. 1: the file is gone, or others could open
 * it: try again. 0, with listener->lock or without; -1 after one line.
 */
static int try_lock(struct listener *listener, const struct entry *entry, int fd)
{
	struct stat st;

	if (fstat(fd, &st))
		return log_failure(listener->path, "lock: %s", strerror(errno));
	if (st.st_uid != geteuid() || !S_ISREG(st.st_mode))
		return go_without_lock(listener, st.st_uid);
	/* A user that can read it can lock it. */
	if (st.st_mode & 0077) {
		if (entry_is(entry, &st) && unlinkat(entry->folder, entry->name, 0))
			return log_failure(listener->path, "lock: %s", strerror(errno));
		return 1;
	}
	if (flock(fd, LOCK_EX | LOCK_NB)) {
		if (errno == EWOULDBLOCK)
			return refuse_busy(listener, &st);
		return log_failure(listener->path, "lock: %s", strerror(errno));
	}
	/* The name may lead to another file by now: its last owner removed it. */
	if (!entry_is(entry, &st))
		return 1;
	listener->lock = fd;
	return 0;
}

/*
 * Without a lock where another user has the name, as anybody can in /tmp, and where root has it:
 * then publish() alone decides between two that start at once.
 */
static int take_lock(struct listener *listener)
{
	char path[PATH_MAX];
	struct entry entry;
	struct stat st;
	int result = 1;

	lock_path(listener, path);
	if (entry_open(&entry, path))
		return log_failure(listener->path, "lock: %s", strerror(errno));
	for (unsigned i = 0; result > 0 && i < LISTENER_TRIES; i++) {
		int fd = openat(entry.folder, entry.name,
		    O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
		int error = errno;

		if (fd >= 0) {
			result = try_lock(listener, &entry, fd);
			if (listener->lock != fd)
				close(fd);
		} else if (entry_stat(&entry, &st) == 0 && st.st_uid != geteuid()) {
			result = go_without_lock(listener, st.st_uid);
		} else {
			result = log_failure(listener->path, "lock: %s", strerror(error));
		}
	}
	entry_close(&entry);
	return result > 0 ? log_failure(listener->path, "lock: others make it again and again")
			  : result;
}

/* Nothing but a dead socket is in the way. 0, or -1 after one line. */
static int check_path(const struct listener *listener)
{
	struct stat st;

	if (lstat(listener->path, &st) == 0 && !S_ISSOCK(st.st_mode))
		return log_failure(listener->path, "exists and is not a socket");
	switch (publish_probe(listener->path)) {
	case 0:
		return 0;
	case 1:
		return log_failure(listener->path, "bind: %s", strerror(EADDRINUSE));
	default:
		return log_failure(listener->path, "connect: %s", strerror(errno));
	}
}

int listener_lock(struct listener *listener, const char *path, uint32_t slot)
{
	*listener = (struct listener){.slot = slot, .lock = -1, .fd = -1};
	if (strlen(path) >= LISTENER_PATH)
		return log_failure(path, "a socket's path has at most %u bytes", LISTENER_PATH - 1);
	strcpy(listener->path, path);
	if (take_lock(listener))
		return -1;
	if (check_path(listener)) {
		listener_close(listener);
		return -1;
	}
	return 0;
}

int listener_listen(struct listener *listener, uint32_t mode, uint32_t group)
{
	struct published made;

	if (publish(&made, listener->path, mode, group, listener->lock >= 0))
		return -1;
	listener->fd = made.fd;
	listener->device = made.device;
	listener->inode = made.inode;
	return 0;
}

int listener_adopt(struct listener *listener, int fd, uint32_t slot)
{
	struct sockaddr_un address = {.sun_family = AF_UNSPEC};
	socklen_t size = sizeof(address), int_size = sizeof(int), type_size = sizeof(int);
	int accepts = 0, type = 0;

	*listener = (struct listener){.slot = slot, .lock = -1, .fd = fd, .is_given = true};
	if (getsockname(fd, (struct sockaddr *)&address, &size) || address.sun_family != AF_UNIX ||
	    getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &accepts, &int_size) || !accepts ||
	    getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &type_size) || type != SOCK_STREAM ||
	    fcntl(fd, F_SETFL, O_RDWR | O_NONBLOCK))
		return log_failure("LISTEN_FDS", "%d is no listening UNIX stream socket", fd);
	snprintf(listener->path, sizeof(listener->path), "%s", address.sun_path);
	return 0;
}

void listener_close(struct listener *listener)
{
	char path[PATH_MAX];
	struct stat st;

	/* Names before descriptors: until then their numbers are no other file's. */
	if (listener->fd >= 0) {
		if (listener->inode)
			entry_remove(listener->path, listener->device, listener->inode);
		close(listener->fd);
	}
	if (listener->lock >= 0) {
		lock_path(listener, path);
		if (fstat(listener->lock, &st) == 0)
			entry_remove(path, st.st_dev, st.st_ino);
		close(listener->lock);
	}
	listener->fd = listener->lock = -1;
}
