/* SPDX-License-Identifier: MIT */
/*
 * caller.h - what kind of client a connection is, by the address of its socket.
 *
 * This project's host client binds its socket to an abstract address, "\0ivsh-..." (unix(7)),
 * before it connects. QEMU and others do not, and nothing is different for them. An address proves
 * nothing: a client that has it gets no more than any client does.
 */
#ifndef CALLER_H
#define CALLER_H

/* Instead of the protocol version: none that QEMU knows, so it reports both and gives up. */
#define CALLER_REFUSAL 1

enum caller {
	CALLER_OTHER,  /* QEMU, for one */
	CALLER_CLIENT, /* "\0ivsh-client-": reads why it is refused, behind the refusal */
	CALLER_PROBE,  /* "\0ivsh-probe-": the same, and wants the memory without a slot */
};

struct sockaddr_un;

/* By the address that accept4(2) or getpeername(2) has answered, of (size) bytes. */
enum caller caller_at(const struct sockaddr_un *address, unsigned size);

/* The same of a connection. */
enum caller caller_of(int fd);

/*
 * Refuse a connection to which nothing was sent: send it a protocol version that no client knows,
 * and the reason, if it reads that.
 */
void caller_refuse(int fd, const char *reason);

/* Send the reason for a refusal, as one line, to a client that reads it. */
void caller_send_reason(int fd, const char *reason);

#endif
