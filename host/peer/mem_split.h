/* SPDX-License-Identifier: MIT */
/*
 * mem_split.h - mem create --split: a folder with the files of a split region.
 */
#ifndef PEER_MEM_SPLIT_H
#define PEER_MEM_SPLIT_H

#include <ivsh/geometry.h>

#include <stdint.h>

/*
 * Make the folder (path), and in it a file for each slot, of (part) bytes, and one for what all
 * read. The exit status, after a line unless done: then nothing of it is there.
 */
int mem_split_create(const char *path, uint64_t part, const struct ivsh_geometry *geometry);

#endif
