/* SPDX-License-Identifier: MIT */
/*
 * syscalls.h - which system calls serving takes on this architecture, where architectures differ.
 *
 * SYSCALLS_ARCH is what seccomp calls it; without that there is no filter. SYSCALLS_ONLY lists what
 * the others lack or have under another name: those of 64 bits that came later have no poll; those
 * of 32 bits have a second one of each call that takes a time, an offset or a file's place; glibc
 * makes i386's socket calls through socketcall(2), by their numbers in linux/net.h.
 */
#ifndef SYSCALLS_H
#define SYSCALLS_H

#include <fcntl.h>
#include <linux/audit.h>
#include <linux/net.h>
#include <sys/mman.h>
#include <sys/syscall.h>

/* acceptor.c: the spare descriptor; no owner, no signal of one is set. */
#define SYSCALLS_FCNTL(allow_if, name) allow_if(name, 1, 0xffffffffu, F_DUPFD_CLOEXEC)

/* mapping.c: the page, and private pages after a SIGBUS; malloc(3), open_memstream(3). */
#define SYSCALLS_MMAP(allow_if, name) allow_if(name, 2, PROT_EXEC, 0)

#define SYSCALLS_64(allow, allow_if) \
	allow(clock_gettime), SYSCALLS_FCNTL(allow_if, fcntl), SYSCALLS_MMAP(allow_if, mmap)
#define SYSCALLS_32(allow, allow_if)                                                  \
	allow(epoll_wait), allow(poll), allow(clock_gettime), allow(clock_gettime64), \
	    allow(ppoll_time64), allow(recvmmsg_time64), allow(sigreturn),            \
	    SYSCALLS_FCNTL(allow_if, fcntl64), SYSCALLS_MMAP(allow_if, mmap2)

#if defined(__x86_64__) && !defined(__ILP32__)
#define SYSCALLS_ARCH AUDIT_ARCH_X86_64
#define SYSCALLS_ONLY(allow, allow_if) allow(epoll_wait), allow(poll), SYSCALLS_64(allow, allow_if)
#elif defined(__aarch64__) && defined(__LP64__) && !defined(__AARCH64EB__)
#define SYSCALLS_ARCH AUDIT_ARCH_AARCH64
#define SYSCALLS_ONLY SYSCALLS_64
#elif defined(__riscv) && __riscv_xlen == 64
#define SYSCALLS_ARCH AUDIT_ARCH_RISCV64
#define SYSCALLS_ONLY SYSCALLS_64
#elif defined(__arm__) && defined(__ARM_EABI__) && !defined(__ARMEB__)
#define SYSCALLS_ARCH AUDIT_ARCH_ARM
#define SYSCALLS_ONLY(allow, allow_if) allow(send), allow(recv), SYSCALLS_32(allow, allow_if)
#elif defined(__i386__)
#define SYSCALLS_ARCH AUDIT_ARCH_I386
#define SYSCALLS_SOCKET(allow_if, number) allow_if(socketcall, 0, 0xffffffffu, number)
#define SYSCALLS_ONLY(allow, allow_if)                                                          \
	SYSCALLS_SOCKET(allow_if, SYS_SEND), SYSCALLS_SOCKET(allow_if, SYS_RECV),               \
	    SYSCALLS_SOCKET(allow_if, SYS_SENDTO), SYSCALLS_SOCKET(allow_if, SYS_RECVFROM),     \
	    SYSCALLS_SOCKET(allow_if, SYS_SHUTDOWN), SYSCALLS_SOCKET(allow_if, SYS_SETSOCKOPT), \
	    SYSCALLS_SOCKET(allow_if, SYS_GETSOCKOPT), SYSCALLS_SOCKET(allow_if, SYS_SENDMSG),  \
	    SYSCALLS_SOCKET(allow_if, SYS_RECVMSG), SYSCALLS_SOCKET(allow_if, SYS_ACCEPT4),     \
	    SYSCALLS_SOCKET(allow_if, SYS_SENDMMSG), SYSCALLS_SOCKET(allow_if, SYS_RECVMMSG),   \
	    SYSCALLS_32(allow, allow_if)
#endif

/* With a sanitizer a program makes calls of its own, and has no filter. */
#ifdef __SANITIZE_ADDRESS__
#undef SYSCALLS_ARCH
#endif

#endif
