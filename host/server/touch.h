/* SPDX-License-Identifier: MIT */
/*
 * touch.h - takes the page faults of serving before a client connects, so that a server's first
 * answers take no longer than its later ones.
 */
#ifndef TOUCH_H
#define TOUCH_H

/* Call once, in a process that has one thread and is about to serve. */
void touch(void);

#endif
