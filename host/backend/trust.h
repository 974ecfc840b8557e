/* SPDX-License-Identifier: MIT */
/*
 * trust.h - whether an object or file that exists is one to keep messages in.
 */
#ifndef TRUST_H
#define TRUST_H

#include "backend/backend.h"

/* 0; or -1 with backend->error: it is another user's, or open to more than (request) says. */
int trust_check(struct backend *backend, const struct backend_request *request);

#endif
