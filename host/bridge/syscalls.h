/* SPDX-License-Identifier: MIT */
/*
 * syscalls.h - what a bridge's list of system calls has on this architecture alone, beyond what
 * process/syscalls.h says: those of 32 bits have a second call for times, offsets and users.
 *
 * Of socketcall(2), by which glibc makes i386's sockets, a filter sees the call and not what it is
 * about, which stands in memory: there a bridge can make a socket of any family.
 */
#ifndef BRIDGE_SYSCALLS_H
#define BRIDGE_SYSCALLS_H

#include "process/syscalls.h"

#define BRIDGE_SYSCALLS_32                                                              \
	FILTER_ALLOW(futex_time64), FILTER_ALLOW(timerfd_settime64),                    \
	    FILTER_ALLOW(clock_nanosleep_time64), FILTER_ALLOW(clock_getres_time64),    \
	    FILTER_ALLOW(fstat64), FILTER_ALLOW(fstatat64), FILTER_ALLOW(_llseek),      \
	    FILTER_ALLOW(ftruncate64), FILTER_ALLOW(getuid32), FILTER_ALLOW(geteuid32), \
	    FILTER_ALLOW(getgid32), FILTER_ALLOW(getegid32), FILTER_ALLOW(access)

#if defined(__x86_64__)
#define BRIDGE_SYSCALLS_ONLY FILTER_ALLOW(newfstatat), FILTER_ALLOW(access), FILTER_ALLOW(time)
#elif defined(__i386__)
#define BRIDGE_SYSCALLS_ONLY                                                                  \
	SYSCALLS_SOCKET(SYS_SOCKET), SYSCALLS_SOCKET(SYS_CONNECT), SYSCALLS_SOCKET(SYS_BIND), \
	    SYSCALLS_SOCKET(SYS_GETSOCKNAME), SYSCALLS_SOCKET(SYS_GETPEERNAME),               \
	    FILTER_ALLOW(time), BRIDGE_SYSCALLS_32
#elif defined(__arm__)
#define BRIDGE_SYSCALLS_ONLY BRIDGE_SYSCALLS_32
#else
#define BRIDGE_SYSCALLS_ONLY FILTER_ALLOW(newfstatat)
#endif

#endif
