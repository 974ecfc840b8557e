/* SPDX-License-Identifier: MIT */
/*
 * notify.c - systemd's notifications and sockets.
 */
#include "process/notify.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define NOTIFY_FIRST_FD 3 /* sd_listen_fds(3): SD_LISTEN_FDS_START */

static int notify_fd = -1;
static struct sockaddr_un address;
static socklen_t address_size;
static uint64_t watchdog_ns;
static uint64_t watchdog_last_ns;
static int claimed; /* sockets */

/*
 * Whether the variables are for this process: WATCHDOG_PID and LISTEN_PID are its ID, or not set.
 */
static int is_ours(const char *variable)
{
	const char *pid = getenv(variable);

	return !pid || strtol(pid, NULL, 10) == (long)getpid();
}

void notify_open(void)
{
	const char *path = getenv("NOTIFY_SOCKET");
	const char *watchdog = getenv("WATCHDOG_USEC");

	if (watchdog && is_ours("WATCHDOG_PID"))
		watchdog_ns = strtoull(watchdog, NULL, 10) * 1000;
	if (path && (*path == '/' || *path == '@') && strlen(path) < sizeof(address.sun_path)) {
		address.sun_family = AF_UNIX;
		memcpy(address.sun_path, path, strlen(path));
		if (*path == '@') /* an abstract name */
			address.sun_path[0] = '\0';
		address_size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path));
		notify_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	}
	unsetenv("NOTIFY_SOCKET");
	unsetenv("WATCHDOG_USEC");
	unsetenv("WATCHDOG_PID");
}

void notify(const char *text)
{
	if (notify_fd >= 0 && sendto(notify_fd, text, strlen(text), MSG_DONTWAIT | MSG_NOSIGNAL,
				  (struct sockaddr *)&address, address_size) < 0)
		return; /* systemd asks again by its time limits */
}

void notify_watchdog(uint64_t now_ns)
{
	if (watchdog_ns == 0 || now_ns - watchdog_last_ns < watchdog_ns / 3)
		return;
	watchdog_last_ns = now_ns;
	notify("WATCHDOG=1");
}

static int count_sockets(void)
{
	const char *count = getenv("LISTEN_FDS");

	return count && is_ours("LISTEN_PID") ? (int)strtol(count, NULL, 10) : 0;
}

static int claim(int fd)
{
	claimed += fd >= 0;
	return fd;
}

int notify_listener(const char *name, int fallback)
{
	const char *names = getenv("LISTEN_FDNAMES");
	int count = count_sockets();
	int unnamed = -1;

	for (int i = 0; i < count; i++) {
		size_t length = names ? strcspn(names, ":") : 0;

		if (length == strlen(name) && length > 0 && !memcmp(names, name, length))
			return claim(NOTIFY_FIRST_FD + i);
		/* systemd's words for a socket without a name: the unit's own, or "unknown". */
		if (unnamed < 0 && (length == 0 || !strncmp(names, "unknown", 7) ||
				       (length > 7 && !memcmp(names + length - 7, ".socket", 7))))
			unnamed = NOTIFY_FIRST_FD + i;
		if (names)
			names += names[length] ? length + 1 : length;
	}
	return claim(fallback ? unnamed : -1);
}

int notify_unclaimed(void)
{
	return count_sockets() - claimed;
}
