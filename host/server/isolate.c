/* SPDX-License-Identifier: MIT */
/*
 * isolate.c - giving up what serving does not need, by a list of system calls (seccomp(2)).
 */
#include "server/isolate.h"
#include "config/settings.h"
#include "process/log.h"
#include "server/filter.h"

#include <errno.h>
#include <grp.h>
#include <linux/seccomp.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

/* 0; or -1, and errno. */
static int set_filter(void)
{
	const struct sock_fprog *filter = filter_program();

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return -1;
	if (filter)
		return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, filter, 0, 0);
	errno = ENOSYS;
	return -1;
}

static int become_user(const struct options *options)
{
	char object[OPTIONS_OBJECT];
	gid_t group = options->group;
	int error = 0;

	if (options->user == OPTIONS_NONE)
		return 0;
	if (setgroups(0, NULL) || setresgid(group, group, group) ||
	    setresuid(options->user, options->user, options->user))
		error = errno;
	if (error) {
		settings_origin(options, SETTING_USER, object);
		return log_failure(object, "%u:%u: %s", options->user, group, strerror(error));
	}
	return 0;
}

int isolate(const struct options *options, bool *filtered)
{
	if (become_user(options))
		return -1;
	*filtered = set_filter() == 0;
	if (*filtered)
		return 0;
	/* An architecture, a kernel, or a container, without: the server works all the same. */
	if (errno != EINVAL && errno != ENOSYS)
		return log_failure("seccomp", "%s", strerror(errno));
	log_event("event=isolate filter=none");
	return 0;
}
