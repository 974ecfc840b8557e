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
#include "process/parts.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

static struct memory memory;

/* Why the region, of which the magic is there, cannot be read; NULL: it can. */
static const char *damage(const struct memory *m, char text[96])
{
	if (m->error == IVSH_EVERSION && m->folder < 0 &&
	    (m->attach.found_features & IVSH_WIRE_FEATURE_SPLIT))
		snprintf(text, 96, "split: give the folder that it is in");
	else if (m->error == IVSH_EVERSION)
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

/* All bytes, of one memory or of many. */
static uint64_t bytes_of(const struct memory *m)
{
	uint64_t bytes = m->fd >= 0 ? m->mem.size : 0;

	for (uint32_t i = 0; i < m->mem.part_count; i++)
		bytes += m->parts[i].size;
	return bytes;
}

/* What keeps the part of (slot) from use; NULL: nothing does. */
static const char *part_fault(const struct memory *m, uint32_t slot)
{
	const struct memory_part *part = &m->part[slot];
	uint64_t whole;

	if (part->fd < 0)
		return !part->st.st_ino ? "missing"
		       : part->error    ? strerror(part->error)
					: "no memory: that is a file of at least 4096 bytes";
	for (uint32_t i = 0; m->error == 0 && i < m->mem.part_count; i++)
		if (m->parts[i].slot == slot && m->parts[i].found != slot)
			return "not used: its header is not that of this slot in this region";
	if (m->error == 0 && ivsh_part_size(&m->probe.region.geometry, &whole) == 0 &&
	    part->mem.size < whole)
		return "cut off: no peer can have that slot";
	return NULL;
}

/* One line for each part. */
static void parts_print(const struct memory *m)
{
	for (uint32_t i = 0; i < m->part_count; i++) {
		const struct memory_part *part = &m->part[i];
		const char *fault = part_fault(m, i);

		printf("part %" PRIu32 ": ", i);
		if (part->st.st_ino)
			printf("%" PRIu64 " bytes, mode %04o, user %u%s",
			    (uint64_t)part->st.st_size, (unsigned)part->st.st_mode & 07777,
			    (unsigned)part->st.st_uid, fault ? ", " : "");
		printf("%s\n", fault ? fault : "");
	}
}

static void memory_print(const struct memory *m, const char *path, const char *why, uint32_t alive)
{
	const struct stat *st = m->folder >= 0 ? &m->folder_st : &m->st;

	printf("memory: %s: %" PRIu64 " bytes, %" PRIu64 " of them allocated, mode %04o, user %u\n",
	    path, bytes_of(m), memory_allocated(m), (unsigned)st->st_mode & 07777,
	    (unsigned)st->st_uid);
	parts_print(m);
	if (why)
		printf("region: %s\n", why);
	else
		region_print(m, false);
	users_print(m);
	alive_print(m, alive);
}

static void parts_json(struct json *json, const struct memory *m)
{
	json_array(json, "parts");
	for (uint32_t i = 0; i < m->part_count; i++) {
		const struct memory_part *part = &m->part[i];

		json_object(json, NULL);
		json_u64(json, "slot", i);
		if (part->st.st_ino) {
			json_u64(json, "size_bytes", (uint64_t)part->st.st_size);
			json_u64(json, "mode", (uint64_t)part->st.st_mode & 07777);
			json_u64(json, "user", part->st.st_uid);
		}
		json_text(json, "fault", part_fault(m, i));
		json_close(json);
	}
	json_close(json);
}

/* The memory as an object of JSON. (text): why there is no region in it; NULL: there is one. */
static void memory_json(const struct memory *m, const char *path, const char *text, uint32_t alive)
{
	const struct stat *st = m->folder >= 0 ? &m->folder_st : &m->st;
	struct json json;

	json_begin(&json, "memory");
	json_text(&json, "path", path);
	json_u64(&json, "size_bytes", bytes_of(m));
	json_u64(&json, "allocated_bytes", memory_allocated(m));
	json_u64(&json, "mode", (uint64_t)st->st_mode & 07777);
	json_u64(&json, "user", st->st_uid);
	if (m->folder >= 0)
		parts_json(&json, m);
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
		why = m->folder >= 0 && m->fd < 0 ? "none: the file common is missing"
		      : m->kind == MEMORY_EMPTY   ? "none: nobody has formatted the memory"
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
	if (m->fd < 0 || flock(m->fd, LOCK_EX | LOCK_NB) == 0 || force)
		return STATUS_DONE;
	return refuse(m, errno == EWOULDBLOCK
			     ? "in use: a server has locked it: end it first, or give --force"
			     : strerror(errno));
}

/* Refuse a folder that has what is no part of a split region: it is removed as a whole. */
static int check_parts(const struct memory *m, bool force)
{
	const char *stranger = memory_parts_stranger(m);

	if (stranger && !*stranger)
		return refuse(m, strerror(errno));
	if (stranger) {
		fprintf(stderr,
		    "ivsh: mem rm: %s: has %s, which is none of a split region's files: remove it"
		    " first\n",
		    m->path, stranger);
		return STATUS_FAILED;
	}
	for (uint32_t i = 0; i < IVSH_WIRE_SLOTS_MAX; i++)
		if (m->part[i].st.st_ino &&
		    (m->part[i].fd < 0 || (!memory_part_is_ours(&m->part[i]) && !force))) {
			fprintf(stderr,
			    "ivsh: mem rm: %s/part-%" PRIu32 ": no part of a region%s\n", m->path,
			    i, m->part[i].fd < 0 ? "" : ": give --force if its slot damaged it");
			return STATUS_FAILED;
		}
	return STATUS_DONE;
}

/* Remove (name) in the folder of a split region, if it is still what was looked at. */
static int part_remove(const struct memory *m, const char *name, const struct stat *st)
{
	struct stat named;

	if (fstatat(m->folder, name, &named, AT_SYMLINK_NOFOLLOW) || named.st_dev != st->st_dev ||
	    named.st_ino != st->st_ino) {
		fprintf(stderr, "ivsh: mem rm: %s/%s: another file has its name meanwhile\n",
		    m->path, name);
		return STATUS_FAILED;
	}
	if (unlinkat(m->folder, name, 0) == 0)
		return STATUS_DONE;
	fprintf(stderr, "ivsh: mem rm: %s/%s: %s\n", m->path, name, strerror(errno));
	return STATUS_FAILED;
}

/* The common memory goes first: without it the rest is no region. */
static int parts_remove(const struct memory *m)
{
	int status = m->fd < 0 ? STATUS_DONE : part_remove(m, PARTS_COMMON, &m->st);
	char name[PARTS_NAME];

	for (uint32_t i = 0; status == STATUS_DONE && i < IVSH_WIRE_SLOTS_MAX; i++)
		if (m->part[i].fd >= 0)
			status = part_remove(m, parts_name(i, name), &m->part[i].st);
	return status;
}

static int remove_checked(struct memory *m, bool force)
{
	const struct stat *st = m->folder >= 0 ? &m->folder_st : &m->st;
	int status;

	if (m->kind == MEMORY_OTHER)
		return refuse(m, "neither a region nor an empty memory: rm(1) removes any file");
	status = m->folder >= 0 ? check_parts(m, force) : STATUS_DONE;
	if (status == STATUS_DONE)
		status = lock(m, force);
	if (status == STATUS_DONE && !force)
		status = check_use(m);
	if (status != STATUS_DONE)
		return status;
	/* What was looked at is what is removed. */
	if (!entry_is(&m->entry, st))
		return refuse(m, "another file has its name meanwhile");
	if (m->folder >= 0 && parts_remove(m) != STATUS_DONE)
		return STATUS_FAILED;
	if (unlinkat(m->entry.folder, m->entry.name, m->folder >= 0 ? AT_REMOVEDIR : 0))
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
