/* SPDX-License-Identifier: MIT */
/*
 * caller.h - what a connection says of itself before it is told anything.
 *
 * Our own host client binds its socket to an abstract address, "\0ivsh-..." (unix(7)), before it
 * connects. QEMU and others do not, and nothing is different for them. An address proves nothing:
 * whoever has it gets no more than a client is given anyhow.
 */
#ifndef CALLER_H
#define CALLER_H

/* In the place of the protocol version: none that QEMU knows, so it reports both and gives up. */
#define CALLER_REFUSAL 1

enum caller {
	CALLER_OTHER,  /* QEMU, for one */
	CALLER_CLIENT, /* "\0ivsh-client-": reads why it is refused, behind the refusal */
	CALLER_LOOK,   /* "\0ivsh-probe-": the same, and wants the memory without a slot */
};

struct sockaddr_un;

/* By the address that accept4(2) or getpeername(2) answered, of (size) bytes. */
enum caller caller_at(const struct sockaddr_un *address, unsigned size);

enum caller caller_of(int fd);

/*
 * Refuse a connection that nothing was sent to: its first words are a protocol version that nobody
 * knows, and then the reason for who reads it.
 */
void caller_refuse(int fd, const char *reason);

/* Tell a caller that reads it why it is refused: one line. */
void caller_tell(int fd, const char *reason);

#endif
