/* SPDX-License-Identifier: MIT */
/*
 * confine.c - giving up what a bridge does not need: another user, and a list of system calls
 * (seccomp(2)), as the server's.
 */
#include "bridge/confine.h"
#include "bridge/filter.h"
#include "process/log.h"

#include <errno.h>
#include <grp.h>
#include <linux/seccomp.h>
#include <netdb.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* On all threads. 0; or -1, and errno. */
static int filter_set(void)
{
	const struct sock_fprog *filter = filter_program();
	long other;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return -1;
	if (!filter) {
		errno = ENOSYS;
		return -1;
	}
	other = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, filter);
	if (other <= 0)
		return (int)other;
	errno = EBUSY; /* a thread has a filter of its own */
	return -1;
}

/*
 * What the C library resolves names with may be code that it loads for the first of them, which the
 * filter would let it not. No server is asked for this one: it has an empty label.
 */
static void names_prepare(void)
{
	struct addrinfo *found = NULL;

	if (getaddrinfo("no..name", NULL, NULL, &found) == 0)
		freeaddrinfo(found);
}

bool confine_is_root(const struct config *config)
{
	return !config->user && geteuid() == 0;
}

int confine_user(const struct config *config)
{
	gid_t group = config->group;
	uid_t user = config->user_id;

	umask(0077);
	if (config->user &&
	    (setgroups(0, NULL) || setresgid(group, group, group) || setresuid(user, user, user)))
		return log_failure("user", "%s: %s", config->user, strerror(errno));
	/*
	 * No core file, and no other process of this user, gets what guests send and what the bus
	 * knows us by. Behind the change of user, which sets it, too.
	 */
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0))
		return log_failure("core file", "%s", strerror(errno));
	return 0;
}

int confine_calls(void)
{
	names_prepare();
	if (filter_set() == 0)
		return 0;
	/* An architecture, a kernel, or a container, without: the bridge works all the same. */
	if (errno != EINVAL && errno != ENOSYS)
		return log_failure("seccomp", "%s", strerror(errno));
	log_event("event=confine filter=none");
	return 0;
}
