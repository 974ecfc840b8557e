/* SPDX-License-Identifier: MIT */
/*
 * available.c - whether the machine has the memory that is asked for, and what it lacks.
 */
#include "backend/available.h"
#include "backend/cgroup.h"

#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#define GROUP_SPARE (UINT64_C(4) << 20) /* what two processes need beside the memory */

/* The bytes that the kernel can give without swapping; UINT64_MAX: it does not say. */
static uint64_t machine_available(void)
{
	FILE *file = fopen("/proc/meminfo", "re");
	unsigned long long kib;
	uint64_t available = UINT64_MAX;
	char line[128];

	if (!file)
		return available;
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, "MemAvailable: %llu kB", &kib) == 1)
			available = (uint64_t)kib << 10;
	fclose(file);
	return available;
}

int available_check(struct backend *backend)
{
	uint64_t available, group_available;
	char group[PATH_MAX];
	struct statfs fs;
	struct stat st;

	if (fstatfs(backend->fd, &fs) || fstat(backend->fd, &st))
		return backend_fail(backend, "stat");
	if (fs.f_type != TMPFS_MAGIC || (uint64_t)st.st_blocks * 512 >= backend->size)
		return 0;
	available = machine_available();
	group_available = cgroup_available("", group);
	if (backend->size > available)
		snprintf(backend->error, sizeof(backend->error),
		    "%s: cannot allocate %llu bytes: the machine has %llu available", backend->path,
		    (unsigned long long)backend->size, (unsigned long long)available);
	else if (group_available < GROUP_SPARE || backend->size > group_available - GROUP_SPARE)
		snprintf(backend->error, sizeof(backend->error),
		    "%.*s: cannot allocate %llu bytes: the control group has %llu left: raise its"
		    " memory limit: %.*s",
		    PATH_MAX / 2, backend->path, (unsigned long long)backend->size,
		    (unsigned long long)group_available, PATH_MAX / 2, group);
	else
		return 0;
	return -1;
}

/* A count that the kernel keeps of its huge pages of (page) bytes; 0: it has no such pages. */
static uint64_t read_pool(uint64_t page, const char *what)
{
	char path[96];
	unsigned long long count = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/sys/kernel/mm/hugepages/hugepages-%llukB/%s",
	    (unsigned long long)page >> 10, what);
	file = fopen(path, "re");
	if (!file)
		return 0;
	if (fscanf(file, "%llu", &count) != 1)
		count = 0;
	fclose(file);
	return count;
}

int available_explain(struct backend *backend, uint64_t had, int error)
{
	uint64_t needed = (backend->size - had) / backend->page;
	uint64_t pool = read_pool(backend->page, "free_hugepages");
	uint64_t reserved = read_pool(backend->page, "resv_hugepages");
	struct statfs fs;

	pool = pool > reserved ? pool - reserved : 0;
	/*
	 * A mount may have a limit of its own; without one it answers 0 or -1: hugetlbfs_statfs().
	 */
	if (pool >= needed && fstatfs(backend->fd, &fs) == 0 && fs.f_blocks > 0 &&
	    (uint64_t)fs.f_bavail < needed)
		snprintf(backend->error, sizeof(backend->error),
		    "%s: cannot allocate %llu bytes: huge pages of %llu kB: %llu needed, and the"
		    " mount has room for %llu: mount it with a greater size=",
		    backend->path, (unsigned long long)backend->size,
		    (unsigned long long)backend->page >> 10, (unsigned long long)needed,
		    (unsigned long long)fs.f_bavail);
	else
		snprintf(backend->error, sizeof(backend->error),
		    "%s: cannot allocate %llu bytes: %s: huge pages of %llu kB: %llu needed, %llu"
		    " free: raise /sys/kernel/mm/hugepages/hugepages-%llukB/nr_hugepages",
		    backend->path, (unsigned long long)backend->size, strerror(error),
		    (unsigned long long)backend->page >> 10, (unsigned long long)needed,
		    (unsigned long long)pool, (unsigned long long)backend->page >> 10);
	return -1;
}
