/* SPDX-License-Identifier: MIT */
/*
 * commands.h - the commands: each answers the exit status, after one line about what went wrong.
 */
#ifndef COMMANDS_H
#define COMMANDS_H

#include "peer/options.h"

int ls_run(const struct options *options);
int watch_run(const struct options *options);
int send_run(const struct options *options);
int recv_run(const struct options *options);
int ping_run(const struct options *options);
int echo_run(const struct options *options);
int put_run(const struct options *options);
int get_run(const struct options *options);

#endif
