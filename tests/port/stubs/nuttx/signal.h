/* SPDX-License-Identifier: MIT */
/*
 * signal.h - what lib/port/nuttx uses of the header of this name.
 */
#ifndef STUB_NUTTX_SIGNAL_H
#define STUB_NUTTX_SIGNAL_H

#define SIGINT 2
#define SIGTERM 15

typedef int pid_t;
typedef int sig_atomic_t;
typedef void (*_sa_handler_t)(int signo);

int kill(pid_t pid, int signo);
_sa_handler_t signal(int signo, _sa_handler_t func);

#endif
