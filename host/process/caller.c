/* SPDX-License-Identifier: MIT */
/*
 * caller.c - what kind of client a connection is.
 */
#include "process/caller.h"
#include "process/log.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

static bool begins_with(const struct sockaddr_un *address, socklen_t size, const char *with)
{
	size_t length = strlen(with);

	return size >= offsetof(struct sockaddr_un, sun_path) + 1 + length &&
	       address->sun_path[0] == '\0' && !memcmp(address->sun_path + 1, with, length);
}

enum caller caller_at(const struct sockaddr_un *address, unsigned size)
{
	if (begins_with(address, size, "ivsh-client-"))
		return CALLER_CLIENT;
	/* Earlier versions of ivsh probe by the second name. */
	return begins_with(address, size, "ivsh-probe-") || begins_with(address, size, "ivsh-look-")
		   ? CALLER_PROBE
		   : CALLER_OTHER;
}

enum caller caller_of(int fd)
{
	struct sockaddr_un address;
	socklen_t size = sizeof(address);

	if (getpeername(fd, (struct sockaddr *)&address, &size))
		return CALLER_OTHER;
	return caller_at(&address, size);
}

void caller_refuse(int fd, const char *reason)
{
	const uint8_t version[8] = {CALLER_REFUSAL}; /* little-endian */

	/* It never wrote, so nothing unread of ours makes the kernel throw the version away. */
	if (send(fd, version, sizeof(version), MSG_DONTWAIT | MSG_NOSIGNAL) != sizeof(version))
		log_detail("event=gone reason=refused");
	caller_send_reason(fd, reason);
}

void caller_send_reason(int fd, const char *reason)
{
	char line[64];
	int size = snprintf(line, sizeof(line), "refused reason=%s\n", reason);

	if (caller_of(fd) == CALLER_OTHER)
		return;
	if (send(fd, line, (size_t)size, MSG_DONTWAIT | MSG_NOSIGNAL) != size)
		log_detail("event=warning what=reason");
}
