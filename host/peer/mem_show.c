/* SPDX-License-Identifier: MIT */
/*
 * mem_show.c - mem info and mem rm: a memory file that exists.
 *
 * Neither can know that nobody uses a memory. A peer that is stopped moves no heartbeat, a program
 * that has no region yet has none, and other users' and other containers' processes may be hidden.
 * So mem info says what it saw, and mem rm refuses what it saw in use.
 */
#include "peer/mem_show.h"

#include "app/json.h"
#include "app/show.h"
#include "app/status.h"
#include "peer/memory.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

static struct memory memory;

/* Why the region, of which the magic is there, cannot be read; NULL: it can. */
static const char *damage(const struct memory *m, char text[96])
{
	if (m->error == IVSH_EVERSION)
		snprintf(text, 96, "of version %" PRIu32 ", features 0x%" PRIx32,
		    m->attach.found_version, m->attach.found_features);
	else if (m->error == IVSH_ENOSPC)
		snprintf(text, 96, "cut off: it needs %" PRIu64 " bytes", m->attach.need_size);
	else if (m->error)
		snprintf(text, 96, "damaged: ivsh dump names the words");
	return m->error ? text : NULL;
}

/* One line of who is in (slot). */
static void slot_print(const struct memory *m, uint32_t slot)
{
	const struct probe_slot *s = &m->probe.slot[slot];
	bool says = !s->text_known || s->peer.name[0];

	printf("slot %" PRIu32 ": %s, incarnation %" PRIu32 "%s%s\n", slot,
	    show_presence(s->peer.presence), s->peer.incarnation, says ? ", " : "",
	    s->text_known ? s->peer.name : "a name that is being written, or that was cut");
}

static void region_print(const struct memory *m, bool json)
{
	const struct ivsh_geometry *g = &m->probe.region.geometry;
	uint32_t used = 0;

	show_region(&m->probe, json);
	for (uint32_t i = 0; json && i < g->slots; i++)
		if (probe_is_shown(&m->probe.slot[i]))
			show_slot_json(&m->probe, i, false);
	if (json)
		return;
	for (uint32_t i = 0; i < g->slots; i++)
		used += probe_is_shown(&m->probe.slot[i]);
	printf("slots: %" PRIu32 " of %" PRIu32 " were ever used\n", used, g->slots);
	for (uint32_t i = 0; i < g->slots; i++)
		if (probe_is_shown(&m->probe.slot[i]))
			slot_print(m, i);
}

static void users_print(const struct memory *m)
{
	printf("mapped by:");
	for (uint32_t i = 0; i < m->users && i < MEMORY_USERS; i++)
		printf("%s %d (%s)", i ? "," : "", (int)m->user[i].pid, m->user[i].name);
	if (m->users > MEMORY_USERS)
		printf(" and %" PRIu32 " more", m->users - MEMORY_USERS);
	if (m->users == 0)
		printf(" no process that /proc shows");
	if (m->hidden)
		printf("; hidden: the mappings of %" PRIu32 " others", m->hidden);
	printf("\n");
}

static void alive_print(const struct memory *m, uint32_t alive)
{
	if (alive)
		printf("in use: yes: %" PRIu32 " heartbeat%s\n", alive,
		    alive == 1 ? " moves" : "s move");
	else if (m->users)
		printf("in use: yes: it is mapped\n");
	else
		printf("in use: cannot know: nothing moves, and no process shows that it has it\n");
}

static void memory_print(const struct memory *m, const char *path, const char *why, uint32_t alive)
{
	printf("memory: %s: %" PRIu64 " bytes, %" PRIu64 " of them allocated, mode %04o, user %u\n",
	    path, m->mem.size, (uint64_t)m->st.st_blocks * 512, (unsigned)m->st.st_mode & 07777,
	    (unsigned)m->st.st_uid);
	if (why)
		printf("region: %s\n", why);
	else
		region_print(m, false);
	users_print(m);
	alive_print(m, alive);
}

/* The memory as an object of JSON. (text): why there is no region in it; NULL: there is one. */
static void memory_json(const struct memory *m, const char *path, const char *text, uint32_t alive)
{
	struct json json;

	json_begin(&json, "memory");
	json_text(&json, "path", path);
	json_u64(&json, "size_bytes", m->mem.size);
	json_u64(&json, "allocated_bytes", (uint64_t)m->st.st_blocks * 512);
	json_u64(&json, "mode", (uint64_t)m->st.st_mode & 07777);
	json_u64(&json, "user", m->st.st_uid);
	json_text(&json, "no_region", text);
	json_u64(&json, "heartbeats", alive);
	json_u64(&json, "mapped_by", m->users);
	json_array(&json, "processes");
	for (uint32_t i = 0; i < m->users && i < MEMORY_USERS; i++) {
		json_object(&json, NULL);
		json_u64(&json, "pid", (uint64_t)m->user[i].pid);
		json_text(&json, "name", m->user[i].name);
		json_close(&json);
	}
	json_close(&json);
	json_u64(&json, "hidden_processes", m->hidden);
	/* Nobody can know that it is not. */
	if (alive || m->users)
		json_bool(&json, "is_in_use", true);
	else
		json_null(&json, "is_in_use");
	json_end(&json);
	if (!text)
		region_print(m, true);
}

int mem_info(const char *path, bool json)
{
	struct memory *m = &memory;
	int status = memory_open(m, path, true);
	const char *why;
	uint32_t alive = 0;
	char text[96];

	if (status == STATUS_DONE && m->kind == MEMORY_OTHER) {
		fprintf(stderr, "ivsh: %s: neither a region nor an empty memory\n", path);
		status = STATUS_FAILED;
	}
	if (status == STATUS_DONE) {
		memory_users(m);
		alive = memory_watch(m);
		why = m->kind == MEMORY_EMPTY ? "none: nobody has formatted the memory"
					      : damage(m, text);
		if (json)
			memory_json(m, path, why, alive);
		else
			memory_print(m, path, why, alive);
	}
	memory_close(m);
	return status;
}

static int refuse(const struct memory *m, const char *why)
{
	fprintf(stderr, "ivsh: mem rm: %s: %s\n", m->path, why);
	return STATUS_FAILED;
}

/* Whether somebody was seen to use it. STATUS_DONE: nobody was. */
static int check_use(struct memory *m)
{
	uint32_t alive = memory_watch(m);

	if (alive) {
		fprintf(stderr,
		    "ivsh: mem rm: %s: in use: %" PRIu32 " heartbeat%s: end its peers first, or"
		    " give --force\n",
		    m->path, alive, alive == 1 ? " moves" : "s move");
		return STATUS_FAILED;
	}
	memory_users(m);
	if (m->users == 0)
		return STATUS_DONE;
	fprintf(stderr,
	    "ivsh: mem rm: %s: in use: process %d (%s) has it mapped: end it first, or give"
	    " --force\n",
	    m->path, (int)m->user[0].pid, m->user[0].name);
	return STATUS_FAILED;
}

/*
 * A server has locked its memory as long as it lives. While this command has the lock, none starts
 * to use the file.
 */
static int lock(const struct memory *m, bool force)
{
	if (flock(m->fd, LOCK_EX | LOCK_NB) == 0 || force)
		return STATUS_DONE;
	return refuse(m, errno == EWOULDBLOCK
			     ? "in use: a server has locked it: end it first, or give --force"
			     : strerror(errno));
}

static int remove_checked(struct memory *m, bool force)
{
	int status;

	if (m->kind == MEMORY_OTHER)
		return refuse(m, "neither a region nor an empty memory: rm(1) removes any file");
	status = lock(m, force);
	if (status == STATUS_DONE && !force)
		status = check_use(m);
	if (status != STATUS_DONE)
		return status;
	/* What was looked at is what is removed. */
	if (!entry_is(&m->entry, &m->st))
		return refuse(m, "another file has its name meanwhile");
	if (unlinkat(m->entry.folder, m->entry.name, 0))
		return refuse(m, strerror(errno));
	return STATUS_DONE;
}

static void removed_print(const char *path, bool json)
{
	struct json line;

	if (json) {
		json_begin(&line, "removed");
		json_text(&line, "path", path);
		json_end(&line);
	} else {
		printf("mem: %s: removed\n", path);
	}
}

int mem_remove(const char *path, bool force, bool json)
{
	int status = memory_open(&memory, path, false);

	if (status == STATUS_DONE)
		status = remove_checked(&memory, force);
	memory_close(&memory);
	if (status == STATUS_DONE)
		removed_print(path, json);
	return status;
}
