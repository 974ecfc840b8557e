/* SPDX-License-Identifier: MIT */
/*
 * stop.h - signals: requests to stop, and a memory that shrinks.
 */
#ifndef STOP_H
#define STOP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

/*
 * From here on a write to a closed pipe is an error, not a signal; and a memory that another
 * process truncates, or for which its file system has no space, ends the program with a line.
 */
void stop_guard(void);

/*
 * A memory is (size) bytes of (fd), mapped at (base), and stays so; (object), which stays, too,
 * names it. Of each place as many as a common memory and the parts of all slots.
 */
void stop_memory(const char *object, void *base, int fd, uint64_t size);

/*
 * The same of the part of (slot), mapped for reading: its owner can truncate it, and ends no other
 * program by that. Zeroes are there then, after a line.
 */
void stop_part(const char *object, uint32_t slot, void *base, int fd, uint64_t size);

/* None of those is mapped any more. */
void stop_clear(void);

/* Whether (file) is one of them. */
bool stop_is_memory(const struct stat *file);

/*
 * The memory is a device's, which (object) names: it may be removed.
 */
void stop_device(const char *object);

/*
 * From here on SIGINT, SIGTERM and SIGHUP are remembered, so that the region is left in order; the
 * second one of a kind ends the program at once.
 */
void stop_listen(void);

/* The signal that requested this program to stop; 0: none did. */
int stop_signal(void);

#endif
