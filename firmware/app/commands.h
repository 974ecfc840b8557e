/* SPDX-License-Identifier: MIT */
/*
 * commands.h - the commands: each answers the exit status, after one line about what went wrong.
 */
#ifndef APP_COMMANDS_H
#define APP_COMMANDS_H

#include "app/options.h"
#include "app/world.h"

int info_run(const struct world *world, const struct options *options);
int watch_run(const struct world *world, const struct options *options);
int send_run(const struct world *world, const struct options *options);
int recv_run(const struct world *world, const struct options *options);
int ping_run(const struct world *world, const struct options *options);
int echo_run(const struct world *world, const struct options *options);
int put_run(const struct world *world, const struct options *options);
int get_run(const struct world *world, const struct options *options);
int demo_run(const struct world *world, const struct options *options);
int stress_run(const struct world *world, const struct options *options);
int bench_run(const struct world *world, const struct options *options);
int sink_run(const struct world *world, const struct options *options);
int streams_run(const struct world *world, const struct options *options);
int ack_run(const struct world *world, const struct options *options);
int bell_run(const struct world *world, const struct options *options);

#endif
