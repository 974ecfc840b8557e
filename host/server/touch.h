/* SPDX-License-Identifier: MIT */
/*
 * touch.h - the pages that serving takes, had before anybody connects: what a server that has just
 * begun is asked first takes no longer than what it is asked later.
 */
#ifndef TOUCH_H
#define TOUCH_H

/* Once, by a process that has one thread and is about to serve. */
void touch(void);

#endif
