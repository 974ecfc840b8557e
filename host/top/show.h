/* SPDX-License-Identifier: MIT */
/*
 * show.h - what is shown beside the rows, in every form: text, JSON, a screen.
 */
#ifndef TOP_SHOW_H
#define TOP_SHOW_H

#include "top/view.h"

#include "app/world.h"

#include <stddef.h>

#define SHOW_SIZE 512u

/* Why there is no region to show. */
void show_refusal(char *to, const struct view *view, const struct transport *transport);

/* What is wrong, or worth a line: words that break SPEC.md, a memory that went back, a region that
 * was formatted again, a server that stands still. Empty: nothing. */
void show_warning(char *to, const struct view *view);

/* How many peers are in which state: "2 attached, 1 silent". */
void show_peers(char *to, const struct view *view);

/* The bytes of the region's memory, or of all its memories that are here. */
uint64_t show_bytes(const struct transport *transport);

/* "64M", of (size) bytes. */
void show_size(char *to, uint64_t size);

/* One interval, as a block of text or as an object of JSON, on standard output. */
void show_plain(const struct view *view, const struct transport *transport);
void show_json(const struct view *view, const struct transport *transport);

/* A peer's metrics, "NAME VALUE" each: from the one at *index on, as many as (to) of (size) bytes
 * has room for. False: there are none left. */
bool show_metrics(
    char *to, size_t size, const struct ivsh_region *region, uint32_t slot, uint32_t *index);

#endif
