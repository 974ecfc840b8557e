/* SPDX-License-Identifier: MIT */
/*
 * transport.h - where the examples' shared memory comes from: bare.c in a guest, host.c on the
 * host.
 */
#ifndef EXAMPLES_TRANSPORT_H
#define EXAMPLES_TRANSPORT_H

#include <ivsh/mem.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * The transport handle, valid until the program ends: of the machine's first ivshmem device, or of
 * the server whose socket IVSH_SOCKET names. NULL after a line on standard error.
 */
const struct ivsh_mem *transport_open(void);

#ifdef __cplusplus
}
#endif
#endif
