/* SPDX-License-Identifier: MIT */
/*
 * isolate.c - giving up what serving does not need, by a list of system calls (seccomp(2)).
 *
 * Any other call answers EPERM. An unlisted call that a C library makes is then an error in one
 * place, and not the end of a server that guests rely on.
 */
#include "server/isolate.h"
#include "config/settings.h"
#include "process/log.h"
#include "server/syscalls.h"

#include <errno.h>
#include <grp.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#ifdef SYSCALLS_ARCH
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

/* 0; or -1, and errno. */
static int set_filter(void)
{
	static struct sock_filter program[] = {
	    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
	    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYSCALLS_ARCH, 1, 0),
	    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
	    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
	    /* loop.c, clients.c, batch.c, reading.c, admission.c: the loop and its sockets */
	    ISOLATE_ALLOW(sendmmsg),
	    ISOLATE_ALLOW(epoll_pwait),
	    ISOLATE_ALLOW(epoll_ctl),
	    ISOLATE_ALLOW(getsockopt),
	    ISOLATE_ALLOW(getpeername),
	    ISOLATE_ALLOW(setsockopt),
	    ISOLATE_ALLOW(recvfrom),
	    ISOLATE_ALLOW(shutdown),
	    ISOLATE_ALLOW(close),
	    ISOLATE_ALLOW(getpid),
	    ISOLATE_ALLOW(epoll_create1),
	    /* link.c: the supervisor; control.c */
	    ISOLATE_ALLOW(recvmsg),
	    ISOLATE_ALLOW(recvmmsg),
	    ISOLATE_ALLOW(sendmsg),
	    ISOLATE_ALLOW(accept4),
	    ISOLATE_ALLOW(sendto),
	    /* slots.c: notifies under an alarm; log.c; timer and signals */
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
	    /* malloc(3), open_memstream(3); mapping.c */
	    ISOLATE_ALLOW(mremap),
	    ISOLATE_ALLOW(munmap),
	    ISOLATE_ALLOW(brk),
	    ISOLATE_ALLOW(exit_group),
	    SYSCALLS_ONLY(ISOLATE_ALLOW, ISOLATE_ALLOW_IF),
	    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
	};
	const struct sock_fprog filter = {sizeof(program) / sizeof(program[0]), program};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return -1;
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter, 0, 0);
}
#else
/* Not one of the architectures whose calls are listed, or with a sanitizer. */
static int set_filter(void)
{
	errno = prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ? errno : ENOSYS;
	return -1;
}
#endif

static int become_user(const struct options *options)
{
	char object[OPTIONS_OBJECT];
	gid_t group = options->group;
	int error = 0;

	if (options->user == OPTIONS_NONE)
		return 0;
	if (setgroups(0, NULL) || setresgid(group, group, group) ||
	    setresuid(options->user, options->user, options->user))
		error = errno;
	if (error) {
		settings_origin(options, SETTING_USER, object);
		return log_failure(object, "%u:%u: %s", options->user, group, strerror(error));
	}
	return 0;
}

int isolate(const struct options *options, bool *filtered)
{
	if (become_user(options))
		return -1;
	*filtered = set_filter() == 0;
	if (*filtered)
		return 0;
	/* An architecture, a kernel, or a container, without: the server works all the same. */
	if (errno != EINVAL && errno != ENOSYS)
		return log_failure("seccomp", "%s", strerror(errno));
	log_event("event=isolate filter=none");
	return 0;
}
