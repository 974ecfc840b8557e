/* SPDX-License-Identifier: MIT */
/*
 * reload.h - SIGHUP: a second server reads the configuration anew, and takes over from the first.
 */
#ifndef RELOAD_H
#define RELOAD_H

#include "supervisor/supervisor.h"

/* Start the next server; later, if there is one already or the present one has yet to begin. */
void reload_start(struct supervisor *supervisor);

/* The next server has ended before the present one did: nothing changes. */
void reload_on_exit(struct supervisor *supervisor);

/* The present server has ended: the next one is the server now, and begins when it is ready. */
void reload_promote(struct supervisor *supervisor);

#endif
