/* SPDX-License-Identifier: MIT */
/*
 * trust.c - whether an object or file that exists is safe to keep messages in.
 *
 * Any user can make a name in /dev/shm and /tmp first. The owner of the object, and everyone who
 * may open it, can read and change the messages of guests, and can end all guests by truncating it.
 * So an existing object must have the owner, mode and group that a new one would have.
 */
#include "backend/trust.h"

#include <stdio.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#define OR_AS_IS ", or give --memory-as-is"

/* The most permissions that it may have. */
static uint32_t mode_max(const struct backend_request *request)
{
	if (request->most)
		return request->most;
	return request->mode == BACKEND_KEEP ? 0600 : request->mode;
}

/*
 * Whether it is open to a group that is not the requested one. Permissions of all users do not
 * count.
 */
static bool is_other_group(const struct backend_request *request, const struct stat *st)
{
	gid_t group = request->group == BACKEND_KEEP ? getegid() : (gid_t)request->group;

	return ((st->st_mode >> 3) & ~st->st_mode & 07) != 0 && st->st_gid != group;
}

int trust_check(struct backend *backend, const struct backend_request *request)
{
	uint32_t most = mode_max(request);
	struct stat st;

	if (request->as_is)
		return 0;
	if (fstat(backend->fd, &st))
		return backend_fail(backend, "stat");
	/* What is in it is that user's alone, who can open it to others at any time. */
	if (request->owner != 0 && st.st_uid == request->owner)
		return 0;
	if (st.st_uid != geteuid() && st.st_uid != 0)
		snprintf(backend->error, sizeof(backend->error),
		    "%s: belongs to user %u, who can read and change all of it: remove it, give"
		    " another name" OR_AS_IS,
		    backend->path, (unsigned)st.st_uid);
	else if (st.st_mode & 0777 & ~most)
		snprintf(backend->error, sizeof(backend->error),
		    "%s: has mode %04o, open to more than %04o: chmod %04o it, give --memory-mode"
		    " %04o" OR_AS_IS,
		    backend->path, st.st_mode & 0777u, most, st.st_mode & 0777u & most,
		    st.st_mode & 0777u);
	else if (is_other_group(request, &st))
		snprintf(backend->error, sizeof(backend->error),
		    "%s: is open to group %u: chgrp it, give --memory-group %u" OR_AS_IS,
		    backend->path, (unsigned)st.st_gid, (unsigned)st.st_gid);
	else if (fgetxattr(backend->fd, "system.posix_acl_access", NULL, 0) > 0)
		snprintf(backend->error, sizeof(backend->error),
		    "%s: has an access control list: setfacl -b it" OR_AS_IS, backend->path);
	else
		return 0;
	return -1;
}
