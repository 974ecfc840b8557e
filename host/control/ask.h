/* SPDX-License-Identifier: MIT */
/*
 * ask.h - a request to the control socket, and the answer as it came.
 */
#ifndef ASK_H
#define ASK_H

#include <stddef.h>
#include <sys/types.h>

#define ASK_SIZE_MAX (16u << 20) /* bytes; 65536 slots take about 8 MiB */
#define ASK_LIMIT_MS 2000        /* for all of it: the server gives no more */

/*
 * Send "status" to the control socket (path), and take everything until the end.
 *
 * On success (*text) has (*size) bytes and a NUL behind them; the caller frees it. (*user) is who
 * made the socket.
 * 0, or 1 after one line.
 */
int ask_status(const char *path, char **text, size_t *size, uid_t *user);

#endif
