/* SPDX-License-Identifier: MIT */
/*
 * address.c - where forward listens and connects.
 */
#include "forward/address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BACKLOG 128

static bool wrong(const char *text, const char *what)
{
	fprintf(stderr, "ivsh: forward: %s: %s\n", text, what);
	return false;
}

static bool unix_parse(struct address *a, const char *path)
{
	struct sockaddr_un *un = (struct sockaddr_un *)&a->socket;

	if (!*path || strlen(path) >= sizeof(un->sun_path))
		return wrong(a->text, "give a path of 1 to 107 characters");
	un->sun_family = AF_UNIX;
	memcpy(un->sun_path, path, strlen(path) + 1);
	a->size = sizeof(*un);
	a->is_loopback = true;
	return true;
}

static bool port_parse(const char *text, in_port_t *port)
{
	char *end;
	unsigned long number = strtoul(text, &end, 10);

	*port = htons((uint16_t)number);
	return *text >= '0' && *text <= '9' && *end == '\0' && number <= UINT16_MAX;
}

static bool tcp_parse(struct address *a, const char *rest)
{
	struct sockaddr_in *in = (struct sockaddr_in *)&a->socket;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&a->socket;
	const char *colon = strrchr(rest, ':');
	char host[INET6_ADDRSTRLEN + 2];
	size_t size = colon ? (size_t)(colon - rest) : 0;
	in_port_t port;

	if (!colon || size >= sizeof(host) || !port_parse(colon + 1, &port))
		return wrong(a->text, "give tcp:127.0.0.1:PORT, tcp:[::1]:PORT or unix:PATH");
	memcpy(host, rest, size);
	host[size] = '\0';
	if (host[0] == '[' && host[size - 1] == ']') {
		host[size - 1] = '\0';
		in6->sin6_family = AF_INET6;
		in6->sin6_port = port;
		a->size = sizeof(*in6);
		if (inet_pton(AF_INET6, host + 1, &in6->sin6_addr) != 1)
			return wrong(a->text, "no address of IPv6");
		a->is_loopback = IN6_IS_ADDR_LOOPBACK(&in6->sin6_addr);
		return true;
	}
	in->sin_family = AF_INET;
	in->sin_port = port;
	a->size = sizeof(*in);
	if (inet_pton(
		AF_INET, strcmp(host, "localhost") == 0 ? "127.0.0.1" : host, &in->sin_addr) != 1)
		return wrong(a->text, "no address of IPv4: names are not looked up");
	a->is_loopback = ntohl(in->sin_addr.s_addr) >> 24 == 127;
	return true;
}

bool address_parse(struct address *a, const char *text)
{
	memset(a, 0, sizeof(*a));
	a->text = text;
	if (strncmp(text, "unix:", 5) == 0)
		return unix_parse(a, text + 5);
	if (strncmp(text, "tcp:", 4) == 0)
		return tcp_parse(a, text + 4);
	return wrong(text, "give tcp:127.0.0.1:PORT, tcp:[::1]:PORT or unix:PATH");
}

static const char *path_of(const struct address *a)
{
	return a->socket.ss_family == AF_UNIX ? ((const struct sockaddr_un *)&a->socket)->sun_path
					      : NULL;
}

/* Remove a socket's file that nobody listens at. Anything else stays, and bind(2) refuses it. */
static void stale_remove(const struct address *a)
{
	const char *path = path_of(a);
	struct stat st;
	int fd;

	if (!path || lstat(path, &st) || !S_ISSOCK(st.st_mode))
		return;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return;
	if (connect(fd, (const struct sockaddr *)&a->socket, a->size) && errno == ECONNREFUSED)
		(void)unlink(path);
	close(fd);
}

int address_listen(const struct address *a)
{
	int fd = socket(a->socket.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	const int on = 1;
	mode_t mask = umask(0177);

	stale_remove(a);
	if (a->socket.ss_family != AF_UNIX)
		(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (fd < 0 || bind(fd, (const struct sockaddr *)&a->socket, a->size) ||
	    listen(fd, BACKLOG)) {
		(void)wrong(a->text, strerror(errno));
		if (fd >= 0)
			close(fd);
		fd = -1;
	}
	umask(mask);
	return fd;
}

void address_remove(const struct address *a)
{
	if (path_of(a))
		(void)unlink(path_of(a));
}

int address_connect(const struct address *a, bool *under_way)
{
	int fd = socket(a->socket.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int kept;

	*under_way = false;
	if (fd < 0 || connect(fd, (const struct sockaddr *)&a->socket, a->size) == 0)
		return fd;
	*under_way = errno == EINPROGRESS;
	if (*under_way)
		return fd;
	kept = errno;
	close(fd);
	errno = kept;
	return -1;
}
