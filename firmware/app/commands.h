/* SPDX-License-Identifier: MIT */
/*
 * commands.h - the commands: each answers the exit status.
 */
#ifndef APP_COMMANDS_H
#define APP_COMMANDS_H

#include "app/app.h"
#include "app/options.h"

int info_run(const struct app_world *world, const struct options *options);
int watch_run(const struct app_world *world, const struct options *options);
int demo_run(const struct app_world *world, const struct options *options);
int stress_run(const struct app_world *world, const struct options *options);
int echo_run(const struct app_world *world, const struct options *options);
int ping_run(const struct app_world *world, const struct options *options);
int bench_run(const struct app_world *world, const struct options *options);
int sink_run(const struct app_world *world, const struct options *options);
int ack_run(const struct app_world *world, const struct options *options);
int send_run(const struct app_world *world, const struct options *options);
int recv_run(const struct app_world *world, const struct options *options);

#endif
