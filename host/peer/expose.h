/* SPDX-License-Identifier: MIT */
/*
 * expose.h - ls --prometheus: a region in Prometheus' text exposition format.
 */
#ifndef PEER_EXPOSE_H
#define PEER_EXPOSE_H

#include "app/probe.h"
#include "app/world.h"

/* Take --prometheus. */
bool expose_take(const char *text);

/* Print the region, its peers, and what those declare. The exit status. */
int expose_run(const struct transport *transport, const struct probe *probe);

#endif
