/* SPDX-License-Identifier: MIT */
/*
 * closing.h - the end of a connection: from the server's side, or because the client hung up.
 *
 * The next server reads off a client's state how far its end had come:
 *
 *     its slot is given back      HANDSHAKING or READY without a slot: CLOSING, and then closed
 *     its socket is shut down
 *     its state is GONE           it is FREE, and its socket, which is shut down, is closed as a
 *                                 new client's that hung up
 *     its state is FREE           the same
 *     the supervisor has LINK_DROP  the supervisor closes its copy, and the row is free
 */
#ifndef CLOSING_H
#define CLOSING_H

#include "server/clients.h"

/*
 * Close the socket of (client): it has hung up, or need not read the rest. Its slot is
 * free, with its eventfds, and so is its row as soon as the supervisor has LINK_DROP. (reason) is
 * for the log.
 */
void closing_close(struct clients *clients, struct client *client, const char *reason);

/*
 * End the stream behind what (client) has not read yet, for it to close its end. It keeps its slot
 * until then.
 */
void closing_shut_down(struct clients *clients, struct client *client, const char *reason);

/* The same for a client that is CLOSING already, when a server takes over. */
void closing_resume(struct clients *clients, struct client *client);

/* Report (client), which is GONE, to the supervisor by LINK_DROP: again, if the link was full. */
void closing_report(struct clients *clients, struct client *client);

#endif
