/* SPDX-License-Identifier: MIT */
/*
 * notify.h - reports of a server or a bridge to systemd by the protocol of sd_notify(3), and the
 * sockets that it passed.
 *
 * Without systemd, that is, without its environment variables, nothing happens here.
 */
#ifndef NOTIFY_H
#define NOTIFY_H

#include <stdint.h>

/* Read NOTIFY_SOCKET and WATCHDOG_USEC, once, and take them out of the environment. */
void notify_open(void);

/* Send (text), lines of KEY=value. */
void notify(const char *text);

/* Send WATCHDOG=1, if it is due. (now_ns) on CLOCK_MONOTONIC. */
void notify_watchdog(uint64_t now_ns);

/*
 * The listening socket that systemd passed under (name), FileDescriptorName= in its unit; -1: none.
 * (fallback): or else the first one that has no name of its own. sd_listen_fds(3).
 */
int notify_listener(const char *name, int fallback);

/* How many of the sockets that systemd passed no listener has taken. */
int notify_unclaimed(void);

#endif
