/* SPDX-License-Identifier: MIT */
/*
 * filter_test.c - the server's filter of system calls.
 *
 * --allowed: print the numbers of the calls that it allows with some argument, one a line.
 */
#include "server/filter.h"
#include "tests/host/verdict.h"
#include "tests/lib/test.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

static uint32_t answer(uint32_t number, uint64_t first, uint64_t second, uint64_t third)
{
	return verdict(filter_program(), number, first, second, third);
}

/* With some argument that the filter looks at: a descriptor of fcntl, a call of socketcall. */
static bool is_allowed(uint32_t number)
{
	bool is = false;

	for (uint32_t first = 0; first <= SYS_SENDMMSG; first++)
		is |= answer(number, first, F_DUPFD_CLOEXEC, 0) == SECCOMP_RET_ALLOW;
	return is;
}

static void architecture(void)
{
	verdict_architecture(filter_program());
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
		CHECK_EQ(answer(numbers[i], 0, 0, 0), VERDICT_DENIED);
	verdict_numbers(filter_program());
}

/* How many: a filter that answered every number alike would pass the cases above by half. */
static void allowed(void)
{
	uint32_t count = 0;

	for (uint32_t number = 0; number < VERDICT_NUMBERS; number++)
		count += is_allowed(number);
	CHECK(count >= 30 && count <= 45);
}

static void arguments(void)
{
	CHECK_EQ(answer(VERDICT_MMAP, 0, 4096, PROT_READ | PROT_WRITE), SECCOMP_RET_ALLOW);
	CHECK_EQ(answer(VERDICT_MMAP, 0, 4096, PROT_READ | PROT_EXEC), VERDICT_DENIED);
	CHECK_EQ(answer(VERDICT_FCNTL, 2, F_DUPFD_CLOEXEC, 3), SECCOMP_RET_ALLOW);
	CHECK_EQ(answer(VERDICT_FCNTL, 2, F_SETOWN, 1), VERDICT_DENIED);
	CHECK_EQ(answer(VERDICT_FCNTL, 2, F_SETFL, 0), VERDICT_DENIED);
	CHECK_EQ(answer(SYS_prlimit64, 0, RLIMIT_NOFILE, 0), SECCOMP_RET_ALLOW);
	CHECK_EQ(answer(SYS_prlimit64, 1, RLIMIT_NOFILE, 0), VERDICT_DENIED);
}

static int print_allowed(void)
{
	for (uint32_t number = 0; number < VERDICT_NUMBERS; number++)
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
