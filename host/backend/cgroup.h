/* SPDX-License-Identifier: MIT */
/*
 * cgroup.h - how much memory the process's control groups leave it.
 */
#ifndef CGROUP_H
#define CGROUP_H

#include <limits.h>
#include <stdint.h>

/*
 * The bytes that can still be charged to our group and to every group above it, file pages that can
 * be dropped counted as free; UINT64_MAX: there is no limit, or no way to know. (group): the one
 * that leaves so little, for a reader. (root) is "", or where to look for /proc and /sys in a test.
 */
uint64_t cgroup_available(const char *root, char group[PATH_MAX]);

#endif
