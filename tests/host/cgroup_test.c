/* SPDX-License-Identifier: MIT */
/*
 * cgroup_test.c - what control groups leave us, from files as the kernel writes them.
 */
#include "backend/cgroup.h"
#include "tests/lib/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NO_LIMIT UINT64_MAX
#define V2 "31 23 0:28 / /cg rw,relatime - cgroup2 cgroup2 rw\n"
#define V1 "35 31 0:32 / /cg rw,relatime shared:9 - cgroup cgroup rw,memory\n"
#define OTHER_V1 "33 31 0:30 / /cpu rw,relatime - cgroup cgroup rw,cpu\n"
#define NO_V1_LIMIT "9223372036854771712\n"

struct text {
	const char *name, *text;
};

/* Files below a root of their own, and the result that they must give. */
struct row {
	const char *name;
	struct text file[9];
	uint64_t want;
	const char *want_group;
};

static const struct row rows[] = {
    {"nothing", {{NULL, NULL}}, NO_LIMIT, NULL},
    {"version 2",
	{{"proc/self/cgroup", "0::/a\n"}, {"proc/self/mountinfo", OTHER_V1 V2},
	    {"cg/a/memory.max", "1000\n"}, {"cg/a/memory.current", "300\n"}},
	700, "/cg/a"},
    {"version 2, above",
	{{"proc/self/cgroup", "0::/a/b/c\n"}, {"proc/self/mountinfo", V2},
	    {"cg/a/b/c/memory.max", "max\n"}, {"cg/a/b/memory.max", "5000\n"},
	    {"cg/a/b/memory.current", "1\n"}, {"cg/a/memory.max", "900\n"},
	    {"cg/a/memory.current", "0\n"}},
	900, "/cg/a"},
    {"version 2, none",
	{{"proc/self/cgroup", "0::/a\n"}, {"proc/self/mountinfo", V2}, {"cg/a/memory.max", "max\n"},
	    {"cg/a/memory.current", "300\n"}},
	NO_LIMIT, NULL},
    {"version 2, pages that can go",
	{{"proc/self/cgroup", "0::/a\n"}, {"proc/self/mountinfo", V2},
	    {"cg/a/memory.max", "1000\n"}, {"cg/a/memory.current", "990\n"},
	    {"cg/a/memory.stat", "anon 40\ninactive_file 500\nactive_file 100\nshmem 9\n"}},
	610, "/cg/a"},
    {"version 2, in a container",
	{{"proc/self/cgroup", "0::/\n"}, {"proc/self/mountinfo", V2}, {"cg/memory.max", "1000\n"},
	    {"cg/memory.current", "2000\n"}},
	0, "/cg"},
    {"version 2, another's name space",
	{{"proc/self/cgroup", "0::/../../a\n"}, {"proc/self/mountinfo", V2},
	    {"cg/memory.max", "77\n"}, {"cg/memory.current", "7\n"}},
	70, "/cg"},
    {"version 1",
	{{"proc/self/cgroup", "9:cpu:/\n4:hugetlb,memory:/a/b\n0::/\n"},
	    {"proc/self/mountinfo", OTHER_V1 V1}, {"cg/a/b/memory.limit_in_bytes", NO_V1_LIMIT},
	    {"cg/a/memory.limit_in_bytes", "1000\n"}, {"cg/a/memory.usage_in_bytes", "600\n"},
	    {"cg/a/memory.stat", "inactive_file 1\ntotal_inactive_file 200\n"}},
	600, "/cg/a"},
    {"version 1, a container's own mount",
	{{"proc/self/cgroup", "4:memory:/docker/x/sub\n"},
	    {"proc/self/mountinfo", "35 31 0:32 /docker/x /cg rw - cgroup cgroup rw,memory\n"},
	    {"cg/sub/memory.limit_in_bytes", "50\n"}, {"cg/sub/memory.usage_in_bytes", "0\n"},
	    {"cg/memory.limit_in_bytes", "40\n"}, {"cg/memory.usage_in_bytes", "0\n"}},
	40, "/cg"},
    {"version 1, not of memory",
	{{"proc/self/cgroup", "4:memory:/a\n"}, {"proc/self/mountinfo", OTHER_V1},
	    {"cpu/a/memory.limit_in_bytes", "50\n"}},
	NO_LIMIT, NULL},
    {"nonsense",
	{{"proc/self/cgroup", "\n:\n::\n0::\nx:memory:y:z\n"},
	    {"proc/self/mountinfo", "- -\n - \n"}},
	NO_LIMIT, NULL},
};

static void make(const char *root, const struct text *file)
{
	char path[PATH_MAX];
	FILE *out;

	snprintf(path, sizeof(path), "%s/%s", root, file->name);
	for (char *end = strchr(path + strlen(root) + 1, '/'); end; end = strchr(end + 1, '/')) {
		*end = '\0';
		mkdir(path, 0700);
		*end = '/';
	}
	out = fopen(path, "w");
	CHECK(out != NULL);
	if (!out)
		return;
	CHECK(fputs(file->text, out) >= 0);
	CHECK_EQ(fclose(out), 0);
}

/* The files, and then the folders, the deepest first. */
static void clean(const char *root, const struct row *row)
{
	char path[PATH_MAX];

	for (unsigned i = 0; i < 9 && row->file[i].name; i++) {
		snprintf(path, sizeof(path), "%s/%s", root, row->file[i].name);
		unlink(path);
	}
	for (unsigned i = 0; i < 9 && row->file[i].name; i++) {
		snprintf(path, sizeof(path), "%s/%s", root, row->file[i].name);
		while (strlen(path) > strlen(root)) {
			rmdir(path);
			*strrchr(path, '/') = '\0';
		}
	}
	CHECK_EQ(rmdir(root), 0);
}

static void groups(void)
{
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char root[] = "/tmp/ivsh-cgroup-XXXXXX", group[PATH_MAX] = "";

		NEED_EQ(mkdtemp(root) != NULL, 1);
		test_row(rows[i].name);
		for (unsigned j = 0; j < 9 && rows[i].file[j].name; j++)
			make(root, &rows[i].file[j]);
		CHECK_EQ(cgroup_available(root, group), rows[i].want);
		if (rows[i].want_group)
			CHECK_EQ(strcmp(group + strlen(root), rows[i].want_group), 0);
		clean(root, &rows[i]);
	}
}

static const struct test tests[] = {
    {"what is left", groups},
};

int main(void)
{
	return test_main("cgroup", tests, sizeof(tests) / sizeof(tests[0]));
}
