/* SPDX-License-Identifier: MIT */
/*
 * filter_test.c - the filter of system calls, evaluated as the kernel evaluates it, with the
 * numbers of the processor that this is compiled for.
 *
 * --allowed: print the numbers of the calls that it allows with some argument, one a line.
 */
#include "server/filter.h"
#include "server/syscalls.h"
#include "tests/lib/test.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#define NUMBERS 1024u /* no architecture's last call is as high */
#define DENIED (SECCOMP_RET_ERRNO | EPERM)

/* 32 bits: the second call of each. */
#ifdef SYS_mmap2
#define MMAP SYS_mmap2
#define FCNTL SYS_fcntl64
#else
#define MMAP SYS_mmap
#define FCNTL SYS_fcntl
#endif

/* What the program answers for (data): linux/filter.h, as much of it as the filter uses. */
static uint32_t evaluate(const struct seccomp_data *data)
{
	const struct sock_fprog *filter = filter_program();
	uint32_t a = 0;

	for (uint32_t at = 0; at < filter->len; at++) {
		const struct sock_filter *code = &filter->filter[at];

		switch (code->code) {
		case BPF_LD | BPF_W | BPF_ABS:
			if (code->k % 4 != 0 || code->k > sizeof(*data) - 4)
				return 0xffffffffu;
			memcpy(&a, (const char *)data + code->k, sizeof(a));
			break;
		case BPF_ALU | BPF_AND | BPF_K:
			a &= code->k;
			break;
		case BPF_JMP | BPF_JEQ | BPF_K:
			at += a == code->k ? code->jt : code->jf;
			break;
		case BPF_RET | BPF_K:
			return code->k;
		default:
			return 0xffffffffu;
		}
	}
	return 0xffffffffu; /* it ended without an answer: the kernel does not load it */
}

static uint32_t verdict(uint32_t number, uint64_t first, uint64_t second, uint64_t third)
{
	struct seccomp_data data = {.nr = (int)number, .arch = SYSCALLS_ARCH};

	data.args[0] = first;
	data.args[1] = second;
	data.args[2] = third;
	return evaluate(&data);
}

/* With some argument that the filter looks at: a descriptor of fcntl, a call of socketcall. */
static bool is_allowed(uint32_t number)
{
	bool is = false;

	for (uint32_t first = 0; first <= SYS_SENDMMSG; first++)
		is |= verdict(number, first, F_DUPFD_CLOEXEC, 0) == SECCOMP_RET_ALLOW;
	return is;
}

static void architecture(void)
{
	struct seccomp_data data = {.nr = SYS_read, .arch = SYSCALLS_ARCH};

	CHECK_EQ(evaluate(&data), SECCOMP_RET_ALLOW);
	/* Another one's numbers mean other calls: a 32-bit call of this kernel, the other order. */
	data.arch = SYSCALLS_ARCH ^ __AUDIT_ARCH_64BIT;
	CHECK_EQ(evaluate(&data), SECCOMP_RET_KILL_PROCESS);
	data.arch = SYSCALLS_ARCH ^ __AUDIT_ARCH_LE;
	CHECK_EQ(evaluate(&data), SECCOMP_RET_KILL_PROCESS);
	data.arch = 0;
	CHECK_EQ(evaluate(&data), SECCOMP_RET_KILL_PROCESS);
}

/* The way to files, sockets, processes and rights. */
static void denied(void)
{
	static const uint32_t numbers[] = {SYS_openat, SYS_socket, SYS_connect, SYS_bind,
	    SYS_listen, SYS_execve, SYS_execveat, SYS_clone, SYS_ptrace, SYS_kill, SYS_tgkill,
	    SYS_ioctl, SYS_mprotect, SYS_memfd_create, SYS_setuid, SYS_setgid, SYS_unlinkat,
	    SYS_renameat2, SYS_mount, SYS_chroot, SYS_unshare, SYS_setns, SYS_prctl, SYS_seccomp,
	    SYS_bpf, SYS_process_vm_readv, SYS_pidfd_getfd, SYS_io_uring_setup, SYS_openat2,
	    SYS_clone3};

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		CHECK_EQ(verdict(numbers[i], 0, 0, 0), DENIED);
	/* What x86_64 has twice, for x32, is not there. */
	CHECK_EQ(verdict(SYS_read | 0x40000000u, 0, 0, 0), DENIED);
	CHECK_EQ(verdict(0xffffffffu, 0, 0, 0), DENIED);
}

/* How many: a filter that answered every number alike would pass the cases above by half. */
static void allowed(void)
{
	uint32_t count = 0;

	for (uint32_t number = 0; number < NUMBERS; number++)
		count += is_allowed(number);
	CHECK(count >= 30 && count <= 45);
}

static void arguments(void)
{
	CHECK_EQ(verdict(MMAP, 0, 4096, PROT_READ | PROT_WRITE), SECCOMP_RET_ALLOW);
	CHECK_EQ(verdict(MMAP, 0, 4096, PROT_READ | PROT_EXEC), DENIED);
	CHECK_EQ(verdict(FCNTL, 2, F_DUPFD_CLOEXEC, 3), SECCOMP_RET_ALLOW);
	CHECK_EQ(verdict(FCNTL, 2, F_SETOWN, 1), DENIED);
	CHECK_EQ(verdict(FCNTL, 2, F_SETFL, 0), DENIED);
	CHECK_EQ(verdict(SYS_prlimit64, 0, RLIMIT_NOFILE, 0), SECCOMP_RET_ALLOW);
	CHECK_EQ(verdict(SYS_prlimit64, 1, RLIMIT_NOFILE, 0), DENIED);
}

static int print_allowed(void)
{
	for (uint32_t number = 0; number < NUMBERS; number++)
		if (is_allowed(number))
			printf("%u\n", number);
	return 0;
}

static const struct test tests[] = {
    {"architecture", architecture},
    {"what is denied", denied},
    {"how much is allowed", allowed},
    {"arguments", arguments},
};

int main(int argc, char **argv)
{
	if (argc > 1 && !strcmp(argv[1], "--allowed"))
		return print_allowed();
	return test_main("filter", tests, sizeof(tests) / sizeof(tests[0]));
}
