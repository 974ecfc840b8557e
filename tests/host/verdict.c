/* SPDX-License-Identifier: MIT */
/*
 * verdict.c - what a filter of system calls answers.
 */
#include "tests/host/verdict.h"
#include "tests/lib/test.h"

#include <string.h>

#define NO_VERDICT 0xffffffffu

uint32_t verdict_of(const struct sock_fprog *filter, const struct seccomp_data *data)
{
	uint32_t a = 0;

	for (uint32_t at = 0; at < filter->len; at++) {
		const struct sock_filter *code = &filter->filter[at];

		switch (code->code) {
		case BPF_LD | BPF_W | BPF_ABS:
			if (code->k % 4 != 0 || code->k > sizeof(*data) - 4)
				return NO_VERDICT;
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
			return NO_VERDICT;
		}
	}
	return NO_VERDICT; /* it ended without an answer: the kernel does not load it */
}

uint32_t verdict(const struct sock_fprog *filter, uint32_t number, uint64_t first, uint64_t second,
    uint64_t third)
{
	struct seccomp_data data = {.nr = (int)number, .arch = SYSCALLS_ARCH};

	data.args[0] = first;
	data.args[1] = second;
	data.args[2] = third;
	return verdict_of(filter, &data);
}

void verdict_architecture(const struct sock_fprog *filter)
{
	struct seccomp_data data = {.nr = SYS_read, .arch = SYSCALLS_ARCH};

	CHECK_EQ(verdict_of(filter, &data), SECCOMP_RET_ALLOW);
	/* Another one's numbers mean other calls: a 32-bit call of this kernel, the other order. */
	data.arch = SYSCALLS_ARCH ^ __AUDIT_ARCH_64BIT;
	CHECK_EQ(verdict_of(filter, &data), SECCOMP_RET_KILL_PROCESS);
	data.arch = SYSCALLS_ARCH ^ __AUDIT_ARCH_LE;
	CHECK_EQ(verdict_of(filter, &data), SECCOMP_RET_KILL_PROCESS);
	data.arch = 0;
	CHECK_EQ(verdict_of(filter, &data), SECCOMP_RET_KILL_PROCESS);
}

void verdict_numbers(const struct sock_fprog *filter)
{
	CHECK_EQ(verdict(filter, SYS_read | 0x40000000u, 0, 0, 0), VERDICT_DENIED);
	CHECK_EQ(verdict(filter, 0xffffffffu, 0, 0, 0), VERDICT_DENIED);
}
