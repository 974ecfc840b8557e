/* SPDX-License-Identifier: MIT */
/*
 * cgroup.h - how much memory our control groups leave us.
 */
#ifndef CGROUP_H
#define CGROUP_H

#include <limits.h>
#include <stdint.h>

/*
 * The bytes that can still be charged to our group and to every group above it. File pages that the
 * kernel can drop count as free. UINT64_MAX: there is no limit, or no way to know it. (group): the
 * path of the group that leaves the least, for a reader. (root): "", or in a test the folder that
 * has /proc and /sys.
 */
uint64_t cgroup_available(const char *root, char group[PATH_MAX]);

#endif
