/* SPDX-License-Identifier: MIT */
/*
 * resume.h - a server goes on with the clients of the one before.
 */
#ifndef RESUME_H
#define RESUME_H

#include "server/clients.h"

/*
 * Go on with the clients in (state), whose rows takeover_repair() has made whole. Those that were
 * served are sent the rest, those that were closing are closed, those that have hung up are
 * noticed, and those that are new are admitted. The server page names the connected peers. Call
 * once, after clients_open().
 */
void resume_clients(struct clients *clients, const struct state *state);

#endif
