/* SPDX-License-Identifier: MIT */
/*
 * forward.h - cat, serve and forward, as commands of the tool.
 */
#ifndef PEER_FORWARD_H
#define PEER_FORWARD_H

#include "app/options.h"
#include "app/world.h"

int cat_command(const struct world *world, const struct options *options);
int serve_command(const struct world *world, const struct options *options);
int forward_command(const struct world *world, const struct options *options);

#endif
