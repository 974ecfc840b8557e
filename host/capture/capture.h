/* SPDX-License-Identifier: MIT */
/*
 * capture.h - all rings of a region, or some, into a pcapng file.
 */
#ifndef CAPTURE_CAPTURE_H
#define CAPTURE_CAPTURE_H

#include "capture/state.h"

#include <stddef.h>

/* How many bytes of a buffer a capture of (region) needs. */
size_t capture_buffer(const struct ivsh_region *region, uint32_t snap);

enum capture_end capture_run(struct capture *capture);

#endif
