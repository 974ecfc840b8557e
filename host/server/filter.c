/* SPDX-License-Identifier: MIT */
/*
 * filter.c - which system calls a server makes while it serves, and for what.
 *
 * Any other call answers EPERM. An unlisted call that a C library makes is then an error in one
 * place, and not the end of a server that guests rely on.
 */
#include "server/filter.h"
#include "process/syscalls.h"

#include <errno.h>

#ifdef SYSCALLS_ARCH
const struct sock_fprog *filter_program(void)
{
	static struct sock_filter program[] = {
	    SYSCALLS_BEGIN,
	    /* loop.c, clients.c, batch.c, reading.c, admission.c; the supervisor; control.c */
	    SYSCALLS_LOOP,
	    SYSCALLS_SOCKETS,
	    /* acceptor.c: the spare descriptor; no owner, no signal of one is set */
	    SYSCALLS_FCNTL(F_DUPFD_CLOEXEC),
	    /* slots.c: notifies under an alarm; timer and signals */
	    SYSCALLS_SIGNALS,
	    /* admission.c: how much may be in flight; page.c: the epoch */
	    SYSCALLS_SELF,
	    /* mapping.c: the page, and private pages after a SIGBUS */
	    SYSCALLS_MEMORY,
	    SYSCALLS_ONLY,
	    SYSCALLS_END,
	};
	static const struct sock_fprog filter = {sizeof(program) / sizeof(program[0]), program};

	return &filter;
}
#else
const struct sock_fprog *filter_program(void)
{
	return NULL;
}
#endif
