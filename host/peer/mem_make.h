/* SPDX-License-Identifier: MIT */
/*
 * mem_make.h - one file of a region: made, allocated as a whole, and formatted.
 */
#ifndef PEER_MEM_MAKE_H
#define PEER_MEM_MAKE_H

#include <stdint.h>

/* What makes a piece of memory a region, or a part of one. */
struct mem_format {
	int (*format)(void *base, uint64_t size, const void *ctx); /* 0, or an enum ivsh_error */
	const void *ctx;
};

/*
 * Allocate (size) bytes of the new file (fd), which (object) names, and format them. The progress
 * is of (total) bytes, of which (before) are done. The exit status, after a line unless done.
 */
int mem_make(int fd, const char *object, uint64_t size, const struct mem_format *format,
    uint64_t before, uint64_t total);

/* Draw a format_id. The exit status, after a line unless done. */
int mem_make_id(uint64_t *format_id);

#endif
