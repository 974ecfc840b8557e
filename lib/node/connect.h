/* SPDX-License-Identifier: MIT */
/*
 * connect.h - what the two files of connections share.
 */
#ifndef IVSH_NODE_CONNECT_H
#define IVSH_NODE_CONNECT_H

#include <ivsh/connection.h>

/* Whether slot (connector) may choose (port) for a connection to slot (acceptor). SPEC R16.1.1. */
bool ivsh_conn_is_port(uint32_t connector, uint32_t acceptor, uint16_t port);

/* Whether a stream to slot (peer) has (port), or one beside it. */
bool ivsh_conn_is_used(const struct ivsh_node *node, uint32_t peer, uint16_t port);

#endif
