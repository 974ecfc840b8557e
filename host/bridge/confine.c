/* SPDX-License-Identifier: MIT */
/*
 * confine.c - giving up what a bridge does not need: another user, and a list of system calls
 * (seccomp(2)), as the server's.
 *
 * The list is longer than the server's, since libnats connects again: it resolves names, makes
 * sockets and threads, and reads its credentials anew; and the region is opened again after its
 * server. What it has not is the way to other programs and processes, to code that was not there
 * when the bridge began, to sockets that others connect to, and to more rights. Any other call
 * answers EPERM.
 */
#include "bridge/confine.h"
#include "process/log.h"
#include "process/seccomp.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/audit.h>
#include <netdb.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

/* Only what has 64 bits: others have second calls of many of these. */
#if defined(__x86_64__) && !defined(__ILP32__)
#define CONFINE_ARCH AUDIT_ARCH_X86_64
#define CONFINE_ONLY \
	FILTER_ALLOW(epoll_wait), FILTER_ALLOW(poll), FILTER_ALLOW(access), FILTER_ALLOW(time)
#elif defined(__aarch64__) && defined(__LP64__) && !defined(__AARCH64EB__)
#define CONFINE_ARCH AUDIT_ARCH_AARCH64
#elif defined(__riscv) && __riscv_xlen == 64
#define CONFINE_ARCH AUDIT_ARCH_RISCV64
#endif
#ifndef CONFINE_ONLY
#define CONFINE_ONLY FILTER_ALLOW(ppoll)
#endif

/* With a sanitizer a program makes calls of its own, and has no filter. */
#ifdef __SANITIZE_ADDRESS__
#undef CONFINE_ARCH
#endif

#ifdef CONFINE_ARCH
#define ANY 0xffffffffu

static struct sock_filter calls[] = {
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, CONFINE_ARCH, 1, 0),
    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
    /* The loop, and threads that wait for each other. */
    CONFINE_ONLY,
    FILTER_ALLOW(read),
    FILTER_ALLOW(write),
    FILTER_ALLOW(readv),
    FILTER_ALLOW(writev),
    FILTER_ALLOW(preadv2),
    FILTER_ALLOW(futex),
    FILTER_ALLOW(ppoll),
    FILTER_ALLOW(epoll_pwait),
    FILTER_ALLOW(epoll_ctl),
    FILTER_ALLOW(epoll_create1),
    FILTER_ALLOW(eventfd2),
    FILTER_ALLOW(timerfd_create),
    FILTER_ALLOW(timerfd_settime),
    FILTER_ALLOW(clock_gettime),
    FILTER_ALLOW(clock_getres),
    FILTER_ALLOW(gettimeofday),
    FILTER_ALLOW(nanosleep),
    FILTER_ALLOW(clock_nanosleep),
    FILTER_ALLOW(sched_yield),
    FILTER_ALLOW(restart_syscall),
    /* The bus, the region's server, those who ask for the status, and names: no new listener. */
    FILTER_ALLOW(sendto),
    FILTER_ALLOW(recvfrom),
    FILTER_ALLOW(sendmsg),
    FILTER_ALLOW(recvmsg),
    FILTER_ALLOW(sendmmsg),
    FILTER_ALLOW(recvmmsg),
    FILTER_ALLOW(accept4),
    FILTER_ALLOW(connect),
    FILTER_ALLOW(bind),
    FILTER_ALLOW(shutdown),
    FILTER_ALLOW(getsockname),
    FILTER_ALLOW(getpeername),
    FILTER_ALLOW(getsockopt),
    FILTER_ALLOW(setsockopt),
    FILTER_ALLOW_IF(socket, 0, ANY, AF_UNIX),
    FILTER_ALLOW_IF(socket, 0, ANY, AF_INET),
    FILTER_ALLOW_IF(socket, 0, ANY, AF_INET6),
    FILTER_ALLOW_IF(socket, 0, ANY, AF_NETLINK),
    FILTER_ALLOW_IF(ioctl, 1, ANY, FIONREAD),
    FILTER_ALLOW_IF(ioctl, 1, ANY, FIONBIO),
    /* Certificates, credentials, the configuration, memory, and what is kept of pairs. */
    FILTER_ALLOW(openat),
    FILTER_ALLOW(close),
    FILTER_ALLOW(pread64),
    FILTER_ALLOW(lseek),
    FILTER_ALLOW(fstat),
    FILTER_ALLOW(newfstatat),
    FILTER_ALLOW(statx),
    FILTER_ALLOW(faccessat),
    FILTER_ALLOW(readlinkat),
    FILTER_ALLOW(getdents64),
    FILTER_ALLOW(ftruncate),
    FILTER_ALLOW(flock),
    FILTER_ALLOW_IF(fcntl, 1, ANY, F_GETFL),
    FILTER_ALLOW_IF(fcntl, 1, ANY, F_SETFL),
    FILTER_ALLOW_IF(fcntl, 1, ANY, F_GETFD),
    FILTER_ALLOW_IF(fcntl, 1, ANY, F_SETFD),
    FILTER_ALLOW_IF(fcntl, 1, ANY, F_GET_SEALS),
    FILTER_ALLOW_IF(fcntl, 1, ANY, F_DUPFD_CLOEXEC),
    /* Memory without code, and threads. What clone3(2) does stands in memory: it is not there. */
    FILTER_ALLOW_IF(mmap, 2, PROT_EXEC, 0),
    FILTER_ALLOW_IF(mprotect, 2, PROT_EXEC, 0),
    FILTER_ALLOW(munmap),
    FILTER_ALLOW(mremap),
    FILTER_ALLOW(madvise),
    FILTER_ALLOW(brk),
    FILTER_ALLOW_IF(clone, 0, CLONE_THREAD, CLONE_THREAD),
    FILTER_RETURN(clone3, SECCOMP_RET_ERRNO | ENOSYS),
    FILTER_ALLOW(set_robust_list),
    FILTER_ALLOW(rseq),
    FILTER_ALLOW(sched_getaffinity),
    FILTER_ALLOW(rt_sigaction),
    FILTER_ALLOW(rt_sigprocmask),
    FILTER_ALLOW(rt_sigreturn),
    FILTER_ALLOW(sigaltstack),
    FILTER_ALLOW(setitimer),
    FILTER_ALLOW(exit),
    FILTER_ALLOW(exit_group),
    /* Who and where we are. */
    FILTER_ALLOW(getrandom),
    FILTER_ALLOW(getpid),
    FILTER_ALLOW(gettid),
    FILTER_ALLOW(getuid),
    FILTER_ALLOW(geteuid),
    FILTER_ALLOW(getgid),
    FILTER_ALLOW(getegid),
    FILTER_ALLOW(uname),
    FILTER_ALLOW(sysinfo),
    FILTER_ALLOW_IF(prlimit64, 2, ANY, 0), /* only asks */
    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
};

/* 0; or -1, and errno. */
static int filter_set(void)
{
	const struct sock_fprog filter = {sizeof(calls) / sizeof(calls[0]), calls};
	long other;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return -1;
	other = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &filter);
	if (other <= 0)
		return (int)other;
	errno = EBUSY; /* a thread has a filter of its own */
	return -1;
}
#else
static int filter_set(void)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return -1;
	errno = ENOSYS;
	return -1;
}
#endif

/*
 * What the C library resolves names with may be code that it loads for the first of them, which the
 * filter would let it not. No server is asked for this one: it has an empty label.
 */
static void names_prepare(void)
{
	struct addrinfo *found = NULL;

	if (getaddrinfo("no..name", NULL, NULL, &found) == 0)
		freeaddrinfo(found);
}

int confine_user(const struct config *config)
{
	gid_t group = config->group;
	uid_t user = config->user_id;

	umask(0077);
	if (!config->user)
		return 0;
	if (setgroups(0, NULL) || setresgid(group, group, group) || setresuid(user, user, user))
		return log_failure("user", "%s: %s", config->user, strerror(errno));
	return 0;
}

int confine_calls(void)
{
	names_prepare();
	if (filter_set() == 0)
		return 0;
	/* An architecture, a kernel, or a container, without: the bridge works all the same. */
	if (errno != EINVAL && errno != ENOSYS)
		return log_failure("seccomp", "%s", strerror(errno));
	log_event("event=confine filter=none");
	return 0;
}
