/* SPDX-License-Identifier: MIT */
/*
 * seccomp.h - words that a filter of system calls is written with: seccomp(2). The call's number is
 * in the accumulator before each, and after it, if the call is another one.
 */
#ifndef SECCOMP_H
#define SECCOMP_H

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/syscall.h>

/* Where of what a filter sees the processor, and the call's number, stand. */
#define FILTER_ARCH offsetof(struct seccomp_data, arch)
#define FILTER_NUMBER offsetof(struct seccomp_data, nr)

#define FILTER_RETURN(name, answer)                                   \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (__u32)SYS_##name, 0, 1), \
	    BPF_STMT(BPF_RET | BPF_K, (answer))
#define FILTER_ALLOW(name) FILTER_RETURN(name, SECCOMP_RET_ALLOW)

/*
 * Allow a call when an argument's lower half, ANDed with (mask), is (value). The upper half of none
 * of these arguments counts in the kernel.
 */
#define FILTER_ALLOW_IF(name, number, mask, value)                               \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (__u32)SYS_##name, 0, 5),            \
	    BPF_STMT(BPF_LD | BPF_W | BPF_ABS,                                   \
		offsetof(struct seccomp_data, args) + (number) * sizeof(__u64)), \
	    BPF_STMT(BPF_ALU | BPF_AND | BPF_K, (mask)),                         \
	    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (value), 0, 1),                  \
	    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),                        \
	    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, FILTER_NUMBER)

#endif
