/* SPDX-License-Identifier: MIT */
/*
 * bridge_filter_test.c - the bridge's filter of system calls.
 */
#include "bridge/filter.h"
#include "tests/host/verdict.h"
#include "tests/lib/test.h"

#include <sched.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>

static uint32_t answer(uint32_t number, uint64_t first, uint64_t second, uint64_t third)
{
	return verdict(filter_program(), number, first, second, third);
}

static void architecture(void)
{
	verdict_architecture(filter_program());
}

/* The way to other programs and processes, to names of files, to listening, and to rights. */
static void denied(void)
{
	static const uint32_t numbers[] = {SYS_execve, SYS_execveat, SYS_ptrace, SYS_kill,
	    SYS_tgkill, SYS_tkill, SYS_pidfd_open, SYS_pidfd_send_signal, SYS_pidfd_getfd,
	    SYS_process_vm_readv, SYS_process_vm_writev, SYS_listen, SYS_setuid, SYS_setgid,
	    SYS_setresuid, SYS_setresgid, SYS_setgroups, SYS_capset, SYS_unlinkat, SYS_renameat2,
	    SYS_linkat, SYS_symlinkat, SYS_mknodat, SYS_mkdirat, SYS_fchmod, SYS_fchmodat,
	    SYS_fchown, SYS_fchownat, SYS_mount, SYS_umount2, SYS_chroot, SYS_pivot_root,
	    SYS_unshare, SYS_setns, SYS_prctl, SYS_seccomp, SYS_bpf, SYS_perf_event_open,
	    SYS_io_uring_setup, SYS_openat2, SYS_open_by_handle_at, SYS_memfd_create,
	    SYS_userfaultfd, SYS_keyctl, SYS_init_module, SYS_finit_module, SYS_kexec_load,
	    SYS_reboot, SYS_personality, SYS_truncate};

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		CHECK_EQ(answer(numbers[i], 0, 0, 0), VERDICT_DENIED);
	verdict_numbers(filter_program());
}

/* What the loop, the region, libnats, and the C library below it make. */
static void allowed(void)
{
	static const uint32_t numbers[] = {SYS_read, SYS_write, SYS_ppoll, SYS_futex, SYS_eventfd2,
	    SYS_sendto, SYS_recvfrom, SYS_sendmsg, SYS_recvmsg, SYS_sendmmsg, SYS_connect, SYS_bind,
	    SYS_accept4, SYS_getsockopt, SYS_setsockopt, SYS_openat, SYS_close, SYS_pread64,
	    SYS_ftruncate, SYS_flock, SYS_munmap, SYS_brk, SYS_madvise, SYS_getrandom,
	    SYS_clock_gettime, SYS_exit, SYS_exit_group, SYS_rt_sigprocmask};

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		CHECK_EQ(answer(numbers[i], 0, 0, 0), SECCOMP_RET_ALLOW);
#ifdef SYS_futex_time64
	CHECK_EQ(answer(SYS_futex_time64, 0, 0, 0), SECCOMP_RET_ALLOW);
	CHECK_EQ(answer(SYS_clock_gettime64, 0, 0, 0), SECCOMP_RET_ALLOW);
	CHECK_EQ(answer(SYS_timerfd_settime64, 0, 0, 0), SECCOMP_RET_ALLOW);
	CHECK_EQ(answer(SYS_ppoll_time64, 0, 0, 0), SECCOMP_RET_ALLOW);
#endif
}

/* How many: a filter that answered every number alike would pass the cases above by half. */
static void how_much(void)
{
	uint32_t count = 0;

	for (uint32_t number = 0; number < VERDICT_NUMBERS; number++)
		count += answer(number, 0, 0, 0) == SECCOMP_RET_ALLOW;
	CHECK(count >= 60 && count <= 100);
}

static void sockets(void)
{
	static const uint32_t families[] = {AF_UNIX, AF_INET, AF_INET6, AF_NETLINK};

	for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++)
		CHECK_EQ(answer(SYS_socket, families[i], SOCK_STREAM, 0), SECCOMP_RET_ALLOW);
	CHECK_EQ(answer(SYS_socket, AF_PACKET, SOCK_RAW, 0), VERDICT_DENIED);
	CHECK_EQ(answer(SYS_socket, AF_ALG, SOCK_SEQPACKET, 0), VERDICT_DENIED);
	CHECK_EQ(answer(SYS_socket, AF_VSOCK, SOCK_STREAM, 0), VERDICT_DENIED);
#ifdef SYS_socketcall
	CHECK_EQ(answer(SYS_socketcall, SYS_CONNECT, 0, 0), SECCOMP_RET_ALLOW);
	CHECK_EQ(answer(SYS_socketcall, SYS_SEND, 0, 0), SECCOMP_RET_ALLOW);
	CHECK_EQ(answer(SYS_socketcall, SYS_LISTEN, 0, 0), VERDICT_DENIED);
	CHECK_EQ(answer(SYS_socketcall, SYS_ACCEPT, 0, 0), VERDICT_DENIED);
#endif
}

/* Threads, and no process. clone3(2) is not there: the C library then takes clone(2). */
static void threads(void)
{
	const uint64_t thread = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD;

	CHECK_EQ(answer(SYS_clone, thread, 0, 0), SECCOMP_RET_ALLOW);
	CHECK_EQ(answer(SYS_clone, CLONE_VM | CLONE_VFORK, 0, 0), VERDICT_DENIED);
	CHECK_EQ(answer(SYS_clone, 0, 0, 0), VERDICT_DENIED);
	CHECK_EQ(answer(SYS_clone3, 0, 0, 0), SECCOMP_RET_ERRNO | ENOSYS);
#ifdef SYS_fork
	CHECK_EQ(answer(SYS_fork, 0, 0, 0), VERDICT_DENIED);
	CHECK_EQ(answer(SYS_vfork, 0, 0, 0), VERDICT_DENIED);
#endif
}

static void arguments(void)
{
	CHECK_EQ(answer(VERDICT_MMAP, 0, 4096, PROT_READ | PROT_WRITE), SECCOMP_RET_ALLOW);
	CHECK_EQ(answer(VERDICT_MMAP, 0, 4096, PROT_READ | PROT_EXEC), VERDICT_DENIED);
	CHECK_EQ(answer(SYS_mprotect, 0, 4096, PROT_READ), SECCOMP_RET_ALLOW);
	CHECK_EQ(answer(SYS_mprotect, 0, 4096, PROT_READ | PROT_EXEC), VERDICT_DENIED);
	CHECK_EQ(answer(VERDICT_FCNTL, 2, F_SETFL, 0), SECCOMP_RET_ALLOW);
	CHECK_EQ(answer(VERDICT_FCNTL, 2, F_DUPFD_CLOEXEC, 3), SECCOMP_RET_ALLOW);
	CHECK_EQ(answer(VERDICT_FCNTL, 2, F_SETOWN, 1), VERDICT_DENIED);
	CHECK_EQ(answer(VERDICT_FCNTL, 2, F_ADD_SEALS, 1), VERDICT_DENIED);
	CHECK_EQ(answer(SYS_ioctl, 2, FIONREAD, 0), SECCOMP_RET_ALLOW);
	CHECK_EQ(answer(SYS_ioctl, 2, TIOCSTI, 0), VERDICT_DENIED);
	CHECK_EQ(answer(SYS_prlimit64, 0, RLIMIT_NOFILE, 0), SECCOMP_RET_ALLOW);
	CHECK_EQ(answer(SYS_prlimit64, 1, RLIMIT_NOFILE, 0), VERDICT_DENIED);
}

static const struct test tests[] = {
    {"architecture", architecture},
    {"what is denied", denied},
    {"what is allowed", allowed},
    {"how much is allowed", how_much},
    {"sockets", sockets},
    {"threads", threads},
    {"arguments", arguments},
};

int main(void)
{
	return test_main("bridge_filter", tests, sizeof(tests) / sizeof(tests[0]));
}
