/* SPDX-License-Identifier: MIT */
/*
 * quiet.h - drops the server's log, after formatting each line as ever.
 */
#ifndef QUIET_H
#define QUIET_H

/* Before each line of the log, and before each store of the server. Targets can have their own. */
void quiet_log(void);
void quiet_store(const void *address);

#endif
