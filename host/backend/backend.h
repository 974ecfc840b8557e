/* SPDX-License-Identifier: MIT */
/*
 * backend.h - the memory behind a region, by kind: how it is opened, and who removes it.
 */
#ifndef BACKEND_H
#define BACKEND_H

#include "backend/types.h"

/*
 * Open, or make, the memory that (request) describes.
 *
 * An object or file that exists is opened if it has request->size bytes, or none: then it gets that
 * size. One of any other size is refused and not changed, since a peer that maps it would die of a
 * truncation; unless request->resize, for a caller who knows that nobody maps more. Also refused is
 * a file of another user but root and request->owner, and one that is open to more than (mode) and
 * (group) say: whoever can open it can read, change and truncate it. Also refused is a file that
 * another open of this kind has locked.
 *
 * Mode and group are for a file that this call makes. It sets them last, so that nobody else opens
 * the file before it is whole.
 *
 * All bytes are allocated now, so that none is missing later. If there are too few huge pages, the
 * error says how many are needed and free, and where to add more.
 *
 * Returns 0, or -1 with backend->error and nothing left behind.
 */
int backend_open(struct backend *backend, const struct backend_request *request);

/*
 * Close. The name is removed if, and only if, open made it. Mappings and other holders keep the
 * memory.
 */
void backend_close(struct backend *backend);

#endif
