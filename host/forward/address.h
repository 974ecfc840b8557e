/* SPDX-License-Identifier: MIT */
/*
 * address.h - tcp:127.0.0.1:PORT, tcp:[::1]:PORT, unix:PATH: where forward listens and connects.
 */
#ifndef FORWARD_ADDRESS_H
#define FORWARD_ADDRESS_H

#include <stdbool.h>
#include <sys/socket.h>
#include <sys/un.h>

struct address {
	const char *text;
	struct sockaddr_storage socket;
	socklen_t size;
	bool is_loopback;
};

/* Parse (text). False after a line. */
bool address_parse(struct address *address, const char *text);

/*
 * Listen there. A socket file that nobody listens at is replaced; any other file stays. The file
 * has permissions for our own user alone. -1 after a line.
 */
int address_listen(const struct address *address);

/* Remove the file of a socket that address_listen() has made. */
void address_remove(const struct address *address);

/* Begin to connect; *under_way: connect(2) goes on. -1: errno. */
int address_connect(const struct address *address, bool *under_way);

#endif
