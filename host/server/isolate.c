/* SPDX-License-Identifier: MIT */
/*
 * isolate.c - giving up what serving does not need, by a list of system calls (seccomp(2)).
 *
 * Any other call answers EPERM. An unlisted call that a C library makes is then an error in one
 * place, and not the end of a server that guests rely on.
 */
#include "isolate.h"
#include "log.h"
#include "settings.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__x86_64__)
#define ISOLATE_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ISOLATE_ARCH AUDIT_ARCH_AARCH64
#endif

/* Architectures that came later lack the older of two calls. */
#ifdef SYS_poll
#define ISOLATE_OLD(name) ISOLATE_ALLOW(name)
#else
#define ISOLATE_OLD(name)
#endif

#define ISOLATE_ALLOW(name)                                           \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (__u32)SYS_##name, 0, 1), \
	    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)

/*
 * Allow a call when an argument's lower half, ANDed with (mask), is (value). The upper half of none
 * of these arguments counts in the kernel.
 */
#define ISOLATE_ALLOW_IF(name, number, mask, value)                              \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (__u32)SYS_##name, 0, 5),            \
	    BPF_STMT(BPF_LD | BPF_W | BPF_ABS,                                   \
		offsetof(struct seccomp_data, args) + (number) * sizeof(__u64)), \
	    BPF_STMT(BPF_ALU | BPF_AND | BPF_K, (mask)),                         \
	    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (value), 0, 1),                  \
	    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),                        \
	    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr))

static int isolate_user(const struct options *options)
{
	char object[SETTINGS_OBJECT];
	gid_t group = options->group;
	int error = 0;

	if (options->user == OPTIONS_NONE)
		return 0;
	if (setgroups(0, NULL) || setresgid(group, group, group) ||
	    setresuid(options->user, options->user, options->user))
		error = errno;
	if (error) {
		settings_origin(options, SETTINGS_USER, object);
		return log_failure(object, "%u:%u: %s", options->user, group, strerror(error));
	}
	return 0;
}

int isolate(const struct options *options)
{
#if defined(ISOLATE_ARCH) && !defined(__SANITIZE_ADDRESS__)
	static struct sock_filter program[] = {
	    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
	    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ISOLATE_ARCH, 1, 0),
	    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
	    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
	    /* server.c, clients.c, notices.c, admission.c: the loop and its sockets */
	    ISOLATE_ALLOW(sendmmsg),
	    ISOLATE_OLD(epoll_wait),
	    ISOLATE_ALLOW(epoll_pwait),
	    ISOLATE_ALLOW(epoll_ctl),
	    ISOLATE_ALLOW(getsockopt),
	    ISOLATE_ALLOW(setsockopt),
	    ISOLATE_ALLOW(recvfrom),
	    ISOLATE_ALLOW(shutdown),
	    ISOLATE_ALLOW(close),
	    ISOLATE_ALLOW(clock_gettime),
	    ISOLATE_ALLOW(getpid),
	    ISOLATE_ALLOW(epoll_create1),
	    /* link.c: the keeper; control.c */
	    ISOLATE_ALLOW(recvmsg),
	    ISOLATE_ALLOW(sendmsg),
	    ISOLATE_ALLOW(accept4),
	    ISOLATE_ALLOW(sendto),
	    /* acceptor.c: the spare descriptor; no owner, no signal of one is set */
	    ISOLATE_ALLOW_IF(fcntl, 1, 0xffffffffu, F_DUPFD_CLOEXEC),
	    /* slots.c: rings under an alarm; log.c; timer and signals */
	    ISOLATE_OLD(poll),
	    ISOLATE_ALLOW(ppoll),
	    ISOLATE_ALLOW(read),
	    ISOLATE_ALLOW(write),
	    ISOLATE_ALLOW(setitimer),
	    ISOLATE_ALLOW(rt_sigaction),
	    ISOLATE_ALLOW(rt_sigreturn),
	    ISOLATE_ALLOW(restart_syscall),
	    /* admission.c: how much may be in flight; page.c: the epoch */
	    ISOLATE_ALLOW_IF(prlimit64, 0, 0xffffffffu, 0), /* our own */
	    ISOLATE_ALLOW(getrandom),
	    /* memory.c: the page, and private pages after a SIGBUS; malloc(3), open_memstream(3) */
	    ISOLATE_ALLOW_IF(mmap, 2, PROT_EXEC, 0),
	    ISOLATE_ALLOW(mremap),
	    ISOLATE_ALLOW(munmap),
	    ISOLATE_ALLOW(brk),
	    ISOLATE_ALLOW(exit_group),
	    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
	};
	const struct sock_fprog filter = {sizeof program / sizeof program[0], program};
#endif

	if (isolate_user(options))
		return -1;
#if defined(ISOLATE_ARCH) && !defined(__SANITIZE_ADDRESS__)
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter, 0, 0)) {
		/* A kernel, or a container, without seccomp: the server works all the same. */
		if (errno != EINVAL && errno != ENOSYS)
			return log_failure("seccomp", "%s", strerror(errno));
		log_event("event=warning what=no-seccomp");
	}
#endif
	return 0;
}
