/* SPDX-License-Identifier: MIT */
/*
 * inherited.h - what a process has from its parent, put in order before anything relies on it.
 */
#ifndef INHERITED_H
#define INHERITED_H

#include <signal.h>

/*
 * Call this first in main(). After it:
 * - Descriptors 0 to 2 are open. One that was closed is /dev/null, open in the wrong direction:
 *   reading or writing it fails.
 * - The signals in (held) are blocked, and no others. SIGXFSZ is ignored, and so are those in
 *   (kept) that were ignored before. No signal is pending, except those that request our end. No
 *   timer runs.
 * - umask leaves us all permissions of our own user for files that we make.
 * - Soft limits are as high as the hard ones allow, except that of core files, which the user
 *   chose.
 *
 * Three things stay as they are, since only the process that starts this one can have set them for
 * it: nice, the parent-death signal, which fork(2) clears, and other open descriptors.
 *
 * (held) and (kept) may be NULL: no signals. Returns 0, or -1 after one line on stderr.
 */
int inherited_reset(const sigset_t *held, const sigset_t *kept);

/* Let programs that this process executes have (fd), too. Harmless on -1. */
void inherited_pass_on(int fd);

#endif
