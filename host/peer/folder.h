/* SPDX-License-Identifier: MIT */
/*
 * folder.h - the files of a split region in their folder, to look at.
 */
#ifndef PEER_FOLDER_H
#define PEER_FOLDER_H

#include <ivsh/client.h>

/*
 * Map the files in the folder (fd), which (path) names and this closes, for reading only: the
 * common memory, and the parts, each as its slot's. The exit status, after a line unless done;
 * ivsh_client_close() in any case. A part that cannot be read is left out, after a line, too.
 */
int folder_open(struct ivsh_client *client, int fd, const char *path);

#endif
