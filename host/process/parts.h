/* SPDX-License-Identifier: MIT */
/*
 * parts.h - the files of a split region, by their names in its folder.
 */
#ifndef PROCESS_PARTS_H
#define PROCESS_PARTS_H

#include <inttypes.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>

#define PARTS_COMMON "common"  /* the header and the server page: IVSH_WIRE_COMMON_SIZE */
#define PARTS_PREFIX "part-"   /* then the slot, in decimal */
#define PARTS_NAME 16u         /* bytes that are enough for each of the names */
#define PARTS_FOLDER_MODE 0711 /* who may use a part reaches it, and nobody lists the folder */

/* The name of the part of (slot). Answers (name). */
static inline const char *parts_name(uint32_t slot, char name[PARTS_NAME])
{
	snprintf(name, PARTS_NAME, PARTS_PREFIX "%" PRIu32, slot);
	return name;
}

/* The path of that in (folder). Answers (path). */
static inline const char *parts_path(
    const char *folder, uint32_t slot, char path[PATH_MAX + PARTS_NAME])
{
	char name[PARTS_NAME];

	snprintf(
	    path, PATH_MAX + PARTS_NAME, "%.*s/%s", PATH_MAX - 1, folder, parts_name(slot, name));
	return path;
}

#endif
