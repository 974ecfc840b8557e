/* SPDX-License-Identifier: MIT */
/*
 * trust.h - how bus and bridge know each other: certificates and credentials, which are files.
 */
#ifndef BRIDGE_TRUST_H
#define BRIDGE_TRUST_H

#include "bridge/config.h"

#include <nats/nats.h>

#include <stdbool.h>
#include <sys/types.h>
#include <time.h>

#define TRUST_FILES 5u

/* Which files were read; what is missing is all 0. */
struct trust {
	struct trust_file {
		dev_t device;
		ino_t number;
		off_t size;
		struct timespec changed;
	} files[TRUST_FILES];
};

/*
 * Set in (options) what (config) says of TLS and credentials. A file with a secret must be a
 * regular file of ours that no other user can open, or of root's that at most its group can read.
 *
 * All is read now; libnats reads a file with credentials for NATS again with each connection. 0, or
 * -1 after one line on stderr, which shows no secret.
 */
int trust_set(struct trust *trust, natsOptions *options, const struct config *config);

/* As trust_set(), of what is wrong alone. */
int trust_check(const struct config *config);

/* Whether a file that trust_set() has read is another one by now. */
bool trust_is_old(const struct trust *trust, const struct config *config);

#endif
