/* SPDX-License-Identifier: MIT */
/*
 * files.h - the files of put, get and send: app/world.h.
 */
#ifndef FILES_H
#define FILES_H

#include "app/world.h"

extern const struct world_files files;

#endif
