/* SPDX-License-Identifier: MIT */
/*
 * filter.c - which system calls a bridge makes while it runs, and for what.
 *
 * The list is longer than the server's, since libnats connects again: it resolves names, makes
 * sockets and threads, and reads its credentials anew; and the region is opened again after its
 * server. What it has not is the way to other programs and processes, to code that was not there
 * when the bridge began, to sockets that others connect to, and to more rights. Any other call
 * answers EPERM.
 */
#include "bridge/filter.h"
#include "bridge/syscalls.h"

#include <errno.h>
#include <sched.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#ifdef SYSCALLS_ARCH
const struct sock_fprog *filter_program(void)
{
	static struct sock_filter program[] = {
	    SYSCALLS_BEGIN,
	    /* loop.c; and threads that wait for each other. */
	    SYSCALLS_LOOP,
	    FILTER_ALLOW(readv),
	    FILTER_ALLOW(writev),
	    FILTER_ALLOW(preadv2),
	    FILTER_ALLOW(futex),
	    FILTER_ALLOW(eventfd2),
	    FILTER_ALLOW(timerfd_create),
	    FILTER_ALLOW(timerfd_settime),
	    FILTER_ALLOW(clock_getres),
	    FILTER_ALLOW(gettimeofday),
	    FILTER_ALLOW(nanosleep),
	    FILTER_ALLOW(clock_nanosleep),
	    FILTER_ALLOW(sched_yield),
	    /* The bus, the region's server, who asks for the status, and names: no listener. */
	    SYSCALLS_SOCKETS,
	    FILTER_ALLOW(connect),
	    FILTER_ALLOW(bind),
	    FILTER_ALLOW(getsockname),
	    FILTER_ALLOW_IF(socket, 0, SYSCALLS_ANY, AF_UNIX),
	    FILTER_ALLOW_IF(socket, 0, SYSCALLS_ANY, AF_INET),
	    FILTER_ALLOW_IF(socket, 0, SYSCALLS_ANY, AF_INET6),
	    FILTER_ALLOW_IF(socket, 0, SYSCALLS_ANY, AF_NETLINK),
	    FILTER_ALLOW_IF(ioctl, 1, SYSCALLS_ANY, FIONREAD),
	    FILTER_ALLOW_IF(ioctl, 1, SYSCALLS_ANY, FIONBIO),
	    /* Certificates, credentials, the configuration, memory, and what is kept of pairs. */
	    FILTER_ALLOW(openat),
	    FILTER_ALLOW(pread64),
	    FILTER_ALLOW(lseek),
	    FILTER_ALLOW(fstat),
	    FILTER_ALLOW(statx),
	    FILTER_ALLOW(faccessat),
	    FILTER_ALLOW(readlinkat),
	    FILTER_ALLOW(getdents64),
	    FILTER_ALLOW(ftruncate),
	    FILTER_ALLOW(fallocate),
	    FILTER_ALLOW(pwrite64),
	    FILTER_ALLOW(flock),
	    SYSCALLS_FCNTL(F_GETFL),
	    SYSCALLS_FCNTL(F_SETFL),
	    SYSCALLS_FCNTL(F_GETFD),
	    SYSCALLS_FCNTL(F_SETFD),
	    SYSCALLS_FCNTL(F_GET_SEALS),
	    SYSCALLS_FCNTL(F_DUPFD_CLOEXEC),
	    /* Memory, and threads. What clone3(2) does stands in memory: it is not there. */
	    SYSCALLS_MEMORY,
	    FILTER_ALLOW_IF(mprotect, 2, PROT_EXEC, 0),
	    FILTER_ALLOW(madvise),
	    FILTER_ALLOW_IF(clone, 0, CLONE_THREAD, CLONE_THREAD),
	    FILTER_RETURN(clone3, SECCOMP_RET_ERRNO | ENOSYS),
	    FILTER_ALLOW(set_robust_list),
	    FILTER_ALLOW(rseq),
	    FILTER_ALLOW(sched_getaffinity),
	    FILTER_ALLOW(exit),
	    SYSCALLS_SIGNALS,
	    FILTER_ALLOW(rt_sigprocmask),
	    FILTER_ALLOW(sigaltstack),
	    /* Who and where we are. */
	    SYSCALLS_SELF,
	    FILTER_ALLOW(gettid),
	    FILTER_ALLOW(getuid),
	    FILTER_ALLOW(geteuid),
	    FILTER_ALLOW(getgid),
	    FILTER_ALLOW(getegid),
	    FILTER_ALLOW(uname),
	    FILTER_ALLOW(sysinfo),
	    SYSCALLS_ONLY,
	    BRIDGE_SYSCALLS_ONLY,
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
