/* SPDX-License-Identifier: MIT */
/*
 * filter.c - which system calls a server makes while it serves, and for what.
 *
 * Any other call answers EPERM. An unlisted call that a C library makes is then an error in one
 * place, and not the end of a server that guests rely on.
 */
#include "server/filter.h"
#include "process/seccomp.h"
#include "server/syscalls.h"

#include <errno.h>

#ifdef SYSCALLS_ARCH
const struct sock_fprog *filter_program(void)
{
	static struct sock_filter program[] = {
	    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
	    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYSCALLS_ARCH, 1, 0),
	    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
	    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
	    /* loop.c, clients.c, batch.c, reading.c, admission.c: the loop and its sockets */
	    FILTER_ALLOW(sendmmsg),
	    FILTER_ALLOW(epoll_pwait),
	    FILTER_ALLOW(epoll_ctl),
	    FILTER_ALLOW(getsockopt),
	    FILTER_ALLOW(getpeername),
	    FILTER_ALLOW(setsockopt),
	    FILTER_ALLOW(recvfrom),
	    FILTER_ALLOW(shutdown),
	    FILTER_ALLOW(close),
	    FILTER_ALLOW(getpid),
	    FILTER_ALLOW(epoll_create1),
	    /* link.c: the supervisor; control.c */
	    FILTER_ALLOW(recvmsg),
	    FILTER_ALLOW(recvmmsg),
	    FILTER_ALLOW(sendmsg),
	    FILTER_ALLOW(accept4),
	    FILTER_ALLOW(sendto),
	    /* slots.c: notifies under an alarm; log.c; timer and signals */
	    FILTER_ALLOW(ppoll),
	    FILTER_ALLOW(read),
	    FILTER_ALLOW(write),
	    FILTER_ALLOW(setitimer),
	    FILTER_ALLOW(rt_sigaction),
	    FILTER_ALLOW(rt_sigreturn),
	    FILTER_ALLOW(restart_syscall),
	    /* admission.c: how much may be in flight; page.c: the epoch */
	    FILTER_ALLOW_IF(prlimit64, 0, 0xffffffffu, 0), /* our own */
	    FILTER_ALLOW(getrandom),
	    /* malloc(3), open_memstream(3); mapping.c */
	    FILTER_ALLOW(mremap),
	    FILTER_ALLOW(munmap),
	    FILTER_ALLOW(brk),
	    FILTER_ALLOW(exit_group),
	    SYSCALLS_ONLY(FILTER_ALLOW, FILTER_ALLOW_IF),
	    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
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
