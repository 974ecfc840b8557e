/* SPDX-License-Identifier: MIT */
/*
 * console.h - what a guest prints: kept in its slot's log, and offered as the service "console".
 *
 * The log is the flight recorder: printf() stores each byte there and goes on, and they stay when
 * the guest dies. The service is read out of the log, so it costs printf() nothing; a reader that
 * is too slow loses what the log no longer has, and reads how much that was.
 */
#ifndef APP_CONSOLE_H
#define APP_CONSOLE_H

#include "app/session.h"

#define CONSOLE_NAME "console"
#define CONSOLE_PORT 40u /* the service's */

/*
 * The session has attached: from here on the region's log has what the program prints, where the
 * region has logs and the world has a console of its own; with --no-log not. With --console, offer
 * the service. 0, or -1 after a line.
 */
int console_enter(struct session *session);

/* The session is about to detach, or has lost its slot: end both. */
void console_leave(struct session *session);

/* Whether (message) was a request for the service, and is done with. */
bool console_take(struct session *session, const struct ivsh_node_message *message);

/* Give connections what was printed, without a wait. True: something was done. */
bool console_round(struct session *session);

/*
 * The next message of any peer that is neither the console's nor larger than (capacity); larger
 * ones are dropped after a line. For a command that may have --console. False: there is none.
 */
bool console_receive(
    struct session *session, struct ivsh_node_message *message, void *buffer, uint32_t capacity);

#endif
