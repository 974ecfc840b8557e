/* SPDX-License-Identifier: MIT */
/*
 * syscalls.h - lists of system calls for a filter (seccomp.h): what a program that serves sockets
 * by a loop makes on this architecture. Server and bridge are two; what one alone makes is in its
 * own filter.c.
 *
 * SYSCALLS_ARCH is what seccomp calls the architecture; without that there is no filter.
 * SYSCALLS_ONLY lists what the others lack or have under another name: those of 64 bits that came
 * later have no poll; those of 32 bits have a second one of each call that takes a time, an offset
 * or a file's place; glibc makes i386's socket calls through socketcall(2), by their numbers in
 * linux/net.h.
 */
#ifndef SYSCALLS_H
#define SYSCALLS_H

#include "process/seccomp.h"

#include <fcntl.h>
#include <linux/audit.h>
#include <linux/net.h>
#include <sys/mman.h>

#define SYSCALLS_ANY 0xffffffffu

/* The architecture is the right one, and the call's number is at hand. */
#define SYSCALLS_BEGIN                                                \
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, FILTER_ARCH),              \
	    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYSCALLS_ARCH, 1, 0), \
	    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),      \
	    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, FILTER_NUMBER)
/* It is not listed. */
#define SYSCALLS_END BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM)

/* The loop, and what it reads and writes. */
#define SYSCALLS_LOOP                                                                    \
	FILTER_ALLOW(epoll_pwait), FILTER_ALLOW(epoll_ctl), FILTER_ALLOW(epoll_create1), \
	    FILTER_ALLOW(ppoll), FILTER_ALLOW(read), FILTER_ALLOW(write), FILTER_ALLOW(close)

/* Sockets that are there. */
#define SYSCALLS_SOCKETS                                                             \
	FILTER_ALLOW(sendto), FILTER_ALLOW(recvfrom), FILTER_ALLOW(sendmsg),         \
	    FILTER_ALLOW(recvmsg), FILTER_ALLOW(sendmmsg), FILTER_ALLOW(recvmmsg),   \
	    FILTER_ALLOW(accept4), FILTER_ALLOW(shutdown), FILTER_ALLOW(getsockopt), \
	    FILTER_ALLOW(setsockopt), FILTER_ALLOW(getpeername)

#define SYSCALLS_SIGNALS                                                                 \
	FILTER_ALLOW(setitimer), FILTER_ALLOW(rt_sigaction), FILTER_ALLOW(rt_sigreturn), \
	    FILTER_ALLOW(restart_syscall)

/* Of this process; and its end. */
#define SYSCALLS_SELF                                                            \
	FILTER_ALLOW_IF(prlimit64, 0, SYSCALLS_ANY, 0), FILTER_ALLOW(getrandom), \
	    FILTER_ALLOW(getpid), FILTER_ALLOW(exit_group)

/* Memory without code: malloc(3), open_memstream(3). */
#define SYSCALLS_MEMORY FILTER_ALLOW(mremap), FILTER_ALLOW(munmap), FILTER_ALLOW(brk)
#define SYSCALLS_MMAP(name) FILTER_ALLOW_IF(name, 2, PROT_EXEC, 0)

#define SYSCALLS_64 FILTER_ALLOW(clock_gettime), SYSCALLS_MMAP(mmap)
#define SYSCALLS_32                                                                \
	FILTER_ALLOW(epoll_wait), FILTER_ALLOW(poll), FILTER_ALLOW(clock_gettime), \
	    FILTER_ALLOW(clock_gettime64), FILTER_ALLOW(ppoll_time64),             \
	    FILTER_ALLOW(recvmmsg_time64), FILTER_ALLOW(sigreturn), SYSCALLS_MMAP(mmap2)

#if defined(__x86_64__) && !defined(__ILP32__)
#define SYSCALLS_ARCH AUDIT_ARCH_X86_64
#define SYSCALLS_ONLY FILTER_ALLOW(epoll_wait), FILTER_ALLOW(poll), SYSCALLS_64
#elif defined(__aarch64__) && defined(__LP64__) && !defined(__AARCH64EB__)
#define SYSCALLS_ARCH AUDIT_ARCH_AARCH64
#define SYSCALLS_ONLY SYSCALLS_64
#elif defined(__riscv) && __riscv_xlen == 64
#define SYSCALLS_ARCH AUDIT_ARCH_RISCV64
#define SYSCALLS_ONLY SYSCALLS_64
#elif defined(__arm__) && defined(__ARM_EABI__) && !defined(__ARMEB__)
#define SYSCALLS_ARCH AUDIT_ARCH_ARM
#define SYSCALLS_ONLY FILTER_ALLOW(send), FILTER_ALLOW(recv), SYSCALLS_32
#elif defined(__i386__)
#define SYSCALLS_ARCH AUDIT_ARCH_I386
#define SYSCALLS_SOCKET(number) FILTER_ALLOW_IF(socketcall, 0, SYSCALLS_ANY, number)
#define SYSCALLS_ONLY                                                                      \
	SYSCALLS_SOCKET(SYS_SEND), SYSCALLS_SOCKET(SYS_RECV), SYSCALLS_SOCKET(SYS_SENDTO), \
	    SYSCALLS_SOCKET(SYS_RECVFROM), SYSCALLS_SOCKET(SYS_SHUTDOWN),                  \
	    SYSCALLS_SOCKET(SYS_SETSOCKOPT), SYSCALLS_SOCKET(SYS_GETSOCKOPT),              \
	    SYSCALLS_SOCKET(SYS_SENDMSG), SYSCALLS_SOCKET(SYS_RECVMSG),                    \
	    SYSCALLS_SOCKET(SYS_ACCEPT4), SYSCALLS_SOCKET(SYS_SENDMMSG),                   \
	    SYSCALLS_SOCKET(SYS_RECVMMSG), SYSCALLS_32
#endif

/* Which one of the two this architecture has: fcntl(2) takes a file's place. */
#ifdef SYS_fcntl64
#define SYSCALLS_FCNTL(command) FILTER_ALLOW_IF(fcntl64, 1, SYSCALLS_ANY, command)
#else
#define SYSCALLS_FCNTL(command) FILTER_ALLOW_IF(fcntl, 1, SYSCALLS_ANY, command)
#endif

/* With a sanitizer a program makes calls of its own, and has no filter. */
#ifdef __SANITIZE_ADDRESS__
#undef SYSCALLS_ARCH
#endif

#endif
