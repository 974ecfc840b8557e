/* SPDX-License-Identifier: MIT */
/*
 * inherited.h - what a process has from its parent, put in order before anything relies on it.
 */
#ifndef INHERITED_H
#define INHERITED_H

#include <signal.h>

/*
 * Call first in main(). From here on descriptors 0 to 2 are open: one that was closed is /dev/null,
 * the wrong way round, so that whoever reads or writes there is told so. Blocked are the signals in
 * (held), and no others; none is ignored but SIGXFSZ and what (kept) says; none is pending that
 * nobody sent, and no timer runs. Our own permissions are in all that we make, whatever umask says.
 * Soft limits are as high as the hard ones allow, but that of core files, which is its owner's wish.
 *
 * What stays, since only who starts this very process can have meant it: nice, the parent-death
 * signal, which fork(2) clears, and other open descriptors.
 *
 * (held) may be NULL: none. (kept) may be NULL: none; else those of them that are ignored stay so.
 * 0, or -1 after one line on stderr.
 */
int inherited_reset(const sigset_t *held, const sigset_t *kept);

/* Let programs that this process executes have (fd), too. Harmless on -1. */
void inherited_pass_on(int fd);

#endif
