/* SPDX-License-Identifier: MIT */
/*
 * isolate.h - giving up what serving does not need.
 */
#ifndef ISOLATE_H
#define ISOLATE_H

/*
 * Should: serve, and remove names at the end. Mustn't, from here on: open files, make sockets or
 * connect them, start programs, trace or signal others. 0, or -1 after one line.
 */
int isolate(void);

#endif
