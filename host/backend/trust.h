/* SPDX-License-Identifier: MIT */
/*
 * trust.h - whether an object or file that exists is safe to keep messages in.
 */
#ifndef TRUST_H
#define TRUST_H

#include "backend/types.h"

/*
 * 0; or -1 with backend->error: another user owns it, or more users may open it than (request)
 * says.
 */
int trust_check(struct backend *backend, const struct backend_request *request);

#endif
