/* SPDX-License-Identifier: MIT */
/*
 * request.h - a request to a control socket, and the bytes of the answer.
 */
#ifndef REQUEST_H
#define REQUEST_H

#include <stddef.h>
#include <sys/types.h>

#define REQUEST_SIZE_MAX (16u << 20) /* bytes of an answer; 65536 slots take about 8 MiB */
#define REQUEST_LIMIT_MS 2000        /* for all of it: the server allows no more */

/*
 * Send (line) to the control socket at (path), and receive until the end of the stream.
 *
 * On success (*text) has (*size) bytes and a NUL behind them; the caller frees it. (*user) is the
 * user who made the socket.
 *
 * Returns 0, or -1 after one line on stderr.
 */
int request_send(const char *path, const char *line, char **text, size_t *size, uid_t *user);

#endif
