/* SPDX-License-Identifier: MIT */
/*
 * cgroup.c - how much memory our control groups leave us.
 *
 * Linux, Documentation/admin-guide/cgroup-v2.rst, "Memory", and cgroup-v1/memory.rst: a group may
 * not use more than its own limit nor than that of any group above it, and pages of shared memory
 * are charged to who allocates them.
 */
#include "backend/cgroup.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINE_SIZE 8192

/* The names of the same things in the two versions. */
struct words {
	const char *type; /* of the mounted file system */
	const char *limit;
	const char *usage;
	const char *reclaimable[3]; /* in memory.stat */
};

static const struct words versions[] = {
    {"cgroup2", "memory.max", "memory.current",
	{"inactive_file", "active_file", "slab_reclaimable"}},
    {"cgroup", "memory.limit_in_bytes", "memory.usage_in_bytes",
	{"total_inactive_file", "total_active_file", "total_slab_reclaimable"}},
};

static FILE *open_file(const char *folder, const char *name)
{
	char path[PATH_MAX];

	if ((size_t)snprintf(path, sizeof(path), "%s/%s", folder, name) >= sizeof(path))
		return NULL;
	return fopen(path, "re");
}

/* UINT64_MAX: "max", or there is no such file. */
static uint64_t read_number(const char *folder, const char *name)
{
	FILE *file = open_file(folder, name);
	unsigned long long number;
	uint64_t result = UINT64_MAX;

	if (!file)
		return UINT64_MAX;
	if (fscanf(file, "%llu", &number) == 1)
		result = number;
	fclose(file);
	return result;
}

static uint64_t read_reclaimable(const char *folder, const struct words *words)
{
	FILE *file = open_file(folder, "memory.stat");
	unsigned long long number;
	uint64_t sum = 0;
	char key[64];

	if (!file)
		return 0;
	while (fscanf(file, "%63s %llu", key, &number) == 2)
		for (unsigned i = 0; i < 3; i++)
			if (!strcmp(key, words->reclaimable[i]))
				sum += number;
	fclose(file);
	return sum;
}

static uint64_t group_left(const char *folder, const struct words *words)
{
	uint64_t limit = read_number(folder, words->limit);
	uint64_t usage = read_number(folder, words->usage);
	uint64_t reclaimable;

	if (limit == UINT64_MAX)
		return UINT64_MAX;
	if (usage == UINT64_MAX)
		return limit;
	reclaimable = read_reclaimable(folder, words);
	usage = usage > reclaimable ? usage - reclaimable : 0;
	return limit > usage ? limit - usage : 0;
}

/* Whether (list), words with commas between, has (word). */
static bool has_word(const char *list, const char *word)
{
	size_t length = strlen(word);

	for (; list; list = strchr(list, ',')) {
		list += *list == ',';
		if (!strncmp(list, word, length) && (list[length] == ',' || !list[length]))
			return true;
	}
	return false;
}

/* proc(5), /proc/[pid]/cgroup: "0::PATH" of version 2, "N:LIST:PATH" of version 1. */
static bool find_path(const char *root, bool is_second, char *path)
{
	FILE *file = open_file(root, "proc/self/cgroup");
	char line[LINE_SIZE];
	bool found = false;

	if (!file)
		return false;
	while (!found && fgets(line, sizeof(line), file)) {
		char *list = strchr(line, ':'), *name = list ? strchr(list + 1, ':') : NULL;

		if (!name)
			continue;
		*list++ = *name++ = '\0';
		name[strcspn(name, "\n")] = '\0';
		found = is_second ? !*list && !strcmp(line, "0") : has_word(list, "memory");
		if (found && (size_t)snprintf(path, PATH_MAX, "%s", name) >= PATH_MAX)
			found = false;
	}
	fclose(file);
	return found;
}

/*
 * Where the hierarchy is mounted, and which of its groups is at the mount's root. proc(5),
 * /proc/[pid]/mountinfo: ID, parent, device, root, place, options, ..., "-", type, source, options.
 */
static bool find_mount(const char *root, const struct words *words, char *top, char *place)
{
	FILE *file = open_file(root, "proc/self/mountinfo");
	char line[LINE_SIZE];
	bool found = false;

	if (!file)
		return false;
	while (!found && fgets(line, sizeof(line), file)) {
		char type[32], options[LINE_SIZE] = "";
		const char *tail = strstr(line, " - ");

		found = tail && sscanf(tail, " - %31s %*s %8191s", type, options) == 2 &&
			!strcmp(type, words->type) &&
			(words == &versions[0] || has_word(options, "memory")) &&
			sscanf(line, "%*s %*s %*s %4095s %4095s", top, place) == 2;
	}
	fclose(file);
	return found;
}

/*
 * The least that is left in (folder) and the folders above it, up to the mount, whose path has
 * (least) bytes.
 */
static uint64_t walk_up(char *folder, size_t least, const struct words *words, char group[PATH_MAX])
{
	uint64_t available = UINT64_MAX;

	for (;;) {
		uint64_t left = group_left(folder, words);
		char *end;

		if (left < available) {
			available = left;
			snprintf(group, PATH_MAX, "%s", folder);
		}
		end = strrchr(folder, '/');
		if (strlen(folder) <= least || !end)
			return available;
		*end = '\0';
	}
}

static uint64_t version_left(const char *root, const struct words *words, char group[PATH_MAX])
{
	char path[PATH_MAX], top[PATH_MAX], place[PATH_MAX], folder[PATH_MAX];
	const char *below = path;
	size_t length;

	if (!find_path(root, words == &versions[0], path) || !find_mount(root, words, top, place))
		return UINT64_MAX;
	/* In a container the mount may begin at a group below the root: then that group counts. */
	length = strcmp(top, "/") ? strlen(top) : 0;
	if (strncmp(path, top, length) != 0 || !strncmp(path, "/..", 3))
		below = "";
	else
		below += length;
	if (!strcmp(below, "/"))
		below = "";
	if ((size_t)snprintf(folder, sizeof(folder), "%s%s%s", root, place, below) >=
	    sizeof(folder))
		return UINT64_MAX;
	return walk_up(folder, strlen(root) + strlen(place), words, group);
}

uint64_t cgroup_available(const char *root, char group[PATH_MAX])
{
	uint64_t available = UINT64_MAX;

	for (unsigned i = 0; i < 2; i++) {
		char other[PATH_MAX];
		uint64_t left = version_left(root, &versions[i], other);

		if (left >= available)
			continue;
		available = left;
		memcpy(group, other, sizeof(other));
	}
	return available;
}
