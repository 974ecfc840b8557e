/* SPDX-License-Identifier: MIT */
/*
 * parts.c - the files and memories of a split region: opened, given to users, and closed.
 */
#include "supervisor/parts.h"
#include "backend/entry.h"
#include "config/bindings.h"
#include "process/inherited.h"
#include "process/log.h"
#include "process/parts.h"
#include "supervisor/memory.h"
#include "supervisor/region.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

/* The slot's socket, if it has one of its own. NULL: none. */
static const struct options_slot *binding(const struct options *options, uint32_t slot)
{
	for (uint32_t i = 0; i < options->bound_count; i++)
		if (options->bound[i].slot == slot)
			return &options->bound[i];
	return NULL;
}

/* Other users' QEMU reads the parts of slots that are not theirs. */
static uint32_t file_mode(const struct options *options)
{
	if (options->memory_mode != OPTIONS_NONE)
		return options->memory_mode;
	for (uint32_t i = 0; i < options->bound_count; i++)
		if (options->bound[i].user != OPTIONS_NONE)
			return 0644;
	return BACKEND_KEEP;
}

/* Whoever can write in it could put another file in the place of a part. */
static int check_folder(const struct parts *parts, int fd, const struct options *options)
{
	struct stat st;

	if (fstat(fd, &st))
		return log_failure(parts->path, "%s", strerror(errno));
	if (st.st_uid != geteuid() && st.st_uid != 0)
		return log_failure(parts->path,
		    "belongs to user %u, who can replace what is in it: give a folder of your own",
		    (unsigned)st.st_uid);
	if (st.st_mode & 022)
		return log_failure(parts->path,
		    "has mode %04o, others can replace what is in it: chmod go-w it",
		    st.st_mode & 07777u);
	if (fgetxattr(fd, "system.posix_acl_access", NULL, 0) > 0)
		return log_failure(parts->path, "has an access control list: setfacl -b it");
	if (file_mode(options) != BACKEND_KEEP && !(st.st_mode & 011))
		return log_failure(parts->path,
		    "has mode %04o, other users cannot open what is in it: chmod 0711 it",
		    st.st_mode & 07777u);
	return 0;
}

/* Answers a descriptor of the folder, or -1 after one line. */
static int open_folder(struct parts *parts, const struct options *options)
{
	size_t size = strlen(options->memory);
	struct stat st;
	int fd;

	while (size > 1 && options->memory[size - 1] == '/')
		size--;
	if (size + sizeof("/") + PARTS_NAME > sizeof(parts->path))
		return log_failure(options->memory, "open: %s", strerror(ENAMETOOLONG));
	memcpy(parts->path, options->memory, size);
	parts->path[size] = '\0';
	parts->is_made = mkdir(parts->path, PARTS_FOLDER_MODE) == 0;
	if (!parts->is_made && errno != EEXIST)
		return log_failure(parts->path, "mkdir: %s", strerror(errno));
	fd = open(parts->path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return log_failure(parts->path, "%s",
		    errno == ENOTDIR || errno == ELOOP
			? "is no folder: --split needs one, for a file for each slot"
			: strerror(errno));
	if (fstat(fd, &st) || (parts->is_made && fchmod(fd, PARTS_FOLDER_MODE))) {
		log_failure(parts->path, "%s", strerror(errno));
	} else {
		parts->device = st.st_dev;
		parts->inode = st.st_ino;
		if (check_folder(parts, fd, options) == 0)
			return fd;
	}
	close(fd);
	return -1;
}

/* What all files of the region have in common. */
static struct backend_request request_for(const struct options *options, int folder)
{
	return (struct backend_request){.kind = BACKEND_FILE,
	    .mode = file_mode(options),
	    .group = options->memory_group,
	    .folder = folder,
	    .as_is = options->memory_as_is};
}

/* The same file, for reading alone. Every server inherits it. */
static int open_reader(int fd)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return open(path, O_RDONLY);
}

/* A file that was there is given the group and the mode that a new one has; and its user. */
static int permit(const struct options *options, int fd, uint32_t slot, const char *path)
{
	const struct options_slot *bound = slot < options->slots ? binding(options, slot) : NULL;
	uint32_t user = bound ? bound->user : OPTIONS_NONE, mode = file_mode(options);
	struct stat st;

	if (fstat(fd, &st))
		return log_failure(path, "stat: %s", strerror(errno));
	if (options->memory_group != OPTIONS_NONE && st.st_gid != options->memory_group &&
	    fchown(fd, (uid_t)-1, options->memory_group))
		return log_failure(path, "cannot be given to the group: %s", strerror(errno));
	if (mode != BACKEND_KEEP && (st.st_mode & 0777) != mode && fchmod(fd, mode))
		return log_failure(path, "chmod: %s", strerror(errno));
	/* Last: whoever may give files away need not be able to change those of others. */
	if (user != OPTIONS_NONE && st.st_uid != user && fchown(fd, user, (gid_t)-1)) {
		bindings_about(options, bound);
		return log_failure(path, "cannot be given to user %u: %s", user, strerror(errno));
	}
	return 0;
}

/* (kept): its owner may have changed its size since, which keeps no server from starting. */
static int open_part(
    struct parts *parts, const struct options *options, int folder, uint32_t slot, bool kept)
{
	struct backend_request request = request_for(options, folder);
	const struct options_slot *bound = binding(options, slot);
	char path[PATH_MAX + PARTS_NAME];
	struct backend part;

	request.name = parts_path(parts->path, slot, path);
	request.size = options->part_size;
	request.resize = kept;
	if (bound && bound->user != OPTIONS_NONE)
		request.owner = bound->user;
	if (memory_open_backend(&part, &request))
		return -1;
	/* The lock of DIR/common is that of all of them. */
	close(part.lock);
	parts->memory[slot].part = part.fd;
	parts->is_created[slot] = part.created;
	parts->memory[slot].reader = open_reader(part.fd);
	if (parts->memory[slot].reader < 0)
		return log_failure(path, "open: %s", strerror(errno));
	inherited_pass_on(part.fd);
	if (bound)
		parts->user[slot] = bound->user;
	return permit(options, part.fd, slot, path);
}

/* A memory that no holder of its descriptor can make smaller or larger. */
static int open_common(struct state_memory *memory)
{
	memory->common = memfd_create("ivsh-common", MFD_ALLOW_SEALING);
	if (memory->common < 0)
		return log_failure("common memory", "memfd_create: %s", strerror(errno));
	if (posix_fallocate(memory->common, 0, IVSH_WIRE_COMMON_SIZE) ||
	    fcntl(memory->common, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL))
		return log_failure("common memory", "%s", strerror(errno));
	return 0;
}

static int make_tables(struct parts *parts, uint32_t count)
{
	parts->memory = calloc(count, sizeof(*parts->memory));
	parts->is_created = calloc(count, sizeof(*parts->is_created));
	parts->user = calloc(count, sizeof(*parts->user));
	parts->wanted = calloc(count, sizeof(*parts->wanted));
	if (!parts->memory || !parts->is_created || !parts->user || !parts->wanted)
		return log_failure("parts", "%s", strerror(errno));
	parts->count = count;
	for (uint32_t i = 0; i < count; i++) {
		parts->memory[i] = (struct state_memory){-1, -1, -1};
		parts->user[i] = parts->wanted[i] = OPTIONS_NONE;
	}
	return 0;
}

int parts_open(
    struct parts *parts, struct backend *common, const struct options *options, bool *kept)
{
	struct region region;
	struct backend_request request;
	char path[PATH_MAX + PARTS_NAME];
	int folder, error;

	*parts = (struct parts){.reader = -1};
	*kept = false;
	folder = open_folder(parts, options);
	if (folder < 0)
		return -1;
	request = request_for(options, folder);
	snprintf(path, sizeof(path), "%s/" PARTS_COMMON, parts->path);
	request.name = path;
	request.size = IVSH_WIRE_COMMON_SIZE;
	error = make_tables(parts, options->slots) || memory_open_backend(common, &request) ||
		region_look(&region, common->fd, path, options);
	for (uint32_t i = 0; i < options->slots && !error; i++)
		error = open_part(parts, options, folder, i, region.is_kept) ||
			open_common(&parts->memory[i]);
	close(folder);
	if (error || permit(options, common->fd, options->slots, path) ||
	    region_make(&region,
		&(struct region_files){parts->path, common->fd, parts->memory, parts->count},
		options))
		return -1;
	*kept = region.is_kept;
	parts->common = common->fd;
	parts->mode = file_mode(options);
	parts->reader = open_reader(common->fd);
	return parts->reader < 0 ? log_failure(path, "open: %s", strerror(errno)) : 0;
}

void parts_write_down(const struct parts *parts, const struct state *state)
{
	state->head->reader = parts->reader;
	if (parts->count > 0)
		memcpy(state->memory, parts->memory, parts->count * sizeof(*parts->memory));
}

void parts_want(struct parts *parts, uint32_t slot, uint32_t user)
{
	if (slot < parts->count)
		parts->wanted[slot] = user;
}

/* The part of (slot) becomes that of (user), OPTIONS_NONE: ours. */
static int give(const struct parts *parts, uint32_t slot, uint32_t user)
{
	if (user == OPTIONS_NONE)
		user = geteuid();
	return fchown(parts->memory[slot].part, user, (gid_t)-1);
}

static bool is_user_named(const struct parts *parts)
{
	for (uint32_t i = 0; i < parts->count; i++)
		if (parts->wanted[i] != OPTIONS_NONE)
			return true;
	return false;
}

static int set_mode(const struct parts *parts, mode_t mode)
{
	int error = fchmod(parts->common, mode);

	for (uint32_t i = 0; i < parts->count && !error; i++)
		error = fchmod(parts->memory[i].part, mode);
	return error ? log_failure(parts->path, "chmod: %s", strerror(errno)) : 0;
}

/* From now on a user is named: others read the parts of slots that are not theirs. */
static int open_to_readers(struct parts *parts)
{
	struct stat st;

	if (parts->mode != BACKEND_KEEP || !is_user_named(parts))
		return 0;
	if (lstat(parts->path, &st) || !(st.st_mode & 011))
		return log_failure(
		    parts->path, "other users cannot open what is in it: chmod 0711 it");
	parts->is_opened = true;
	return set_mode(parts, 0644);
}

/* Whose the first (count) parts were, and who could read them. */
static void undo(struct parts *parts, uint32_t count)
{
	char path[PATH_MAX + PARTS_NAME];

	for (uint32_t i = 0; i < count; i++)
		if (parts->wanted[i] != parts->user[i] && give(parts, i, parts->user[i]))
			(void)log_failure(parts_path(parts->path, i, path),
			    "cannot be given back: %s", strerror(errno));
	if (parts->is_opened)
		(void)set_mode(parts, 0600);
	parts->is_opened = false;
}

int parts_give(struct parts *parts)
{
	char path[PATH_MAX + PARTS_NAME];

	if (open_to_readers(parts)) {
		undo(parts, 0);
		return -1;
	}
	for (uint32_t i = 0; i < parts->count; i++)
		if (parts->wanted[i] != parts->user[i] && give(parts, i, parts->wanted[i])) {
			log_failure(parts_path(parts->path, i, path),
			    "cannot be given to user %u: %s", parts->wanted[i], strerror(errno));
			undo(parts, i);
			return -1;
		}
	parts->is_given = true;
	return 0;
}

void parts_settle(struct parts *parts, bool begins)
{
	if (parts->is_given && !begins)
		undo(parts, parts->count);
	for (uint32_t i = 0; i < parts->count; i++) {
		if (parts->is_given && begins)
			parts->user[i] = parts->wanted[i];
		parts->wanted[i] = OPTIONS_NONE;
	}
	if (parts->is_opened)
		parts->mode = 0644;
	parts->is_given = parts->is_opened = false;
}

static void close_one(int fd)
{
	if (fd >= 0)
		close(fd);
}

/* A part's file is removed only if its name is still that of our file. */
static void close_part(const struct parts *parts, uint32_t slot)
{
	const struct state_memory *memory = &parts->memory[slot];
	char path[PATH_MAX + PARTS_NAME];
	struct stat st;

	if (memory->part >= 0 && parts->is_created[slot] && fstat(memory->part, &st) == 0)
		entry_remove(parts_path(parts->path, slot, path), st.st_dev, st.st_ino);
	close_one(memory->part);
	close_one(memory->reader);
	close_one(memory->common);
}

void parts_close(struct parts *parts)
{
	struct stat st;

	for (uint32_t i = 0; i < parts->count; i++)
		close_part(parts, i);
	close_one(parts->reader);
	free(parts->memory);
	free(parts->is_created);
	free(parts->user);
	free(parts->wanted);
	/* It may hold what is not ours: then it stays. */
	if (parts->is_made && lstat(parts->path, &st) == 0 && st.st_dev == parts->device &&
	    st.st_ino == parts->inode)
		(void)rmdir(parts->path);
	*parts = (struct parts){.reader = -1};
}
