/* SPDX-License-Identifier: MIT */
/*
 * stay.h - what session.c, stay.c and wait.c share: entering a region, and coming back to it.
 */
#ifndef APP_STAY_H
#define APP_STAY_H

#include "app/session.h"

/*
 * Attach to the open transport, and open the channels. Another peer formats the memory within
 * (timeout_ns); 0: waits for ever. Answers the library's error, or one for session_refused().
 */
int session_enter(struct session *session, struct ivsh_attach *attach, uint64_t timeout_ns);

/* Print why session_enter() answered (error), and set session->status. */
void session_refused(struct session *session, const struct ivsh_attach *attach, int error);

/* Find our slot in the open transport. STATUS_DONE; or the exit status after a line. */
int session_self(struct session *session);

/* Close the channels and leave the slot, as far as there is one. The transport stays. */
void session_leave(struct session *session);

/* The region was entered: declare the command's metrics. It was left: they end. */
void session_metrics_enter(struct session *session);
void session_metrics_leave(struct session *session);

/*
 * Before the first entry: wait until the device is there, if it can still be plugged in. False as
 * session_stay().
 */
bool session_ready(struct session *session);

/*
 * Count the patience of (session), and check whether the user has stopped the command. False as
 * session_stay(); else *most_ns is at most the time that is left.
 */
bool session_may_go_on(struct session *session, uint64_t now, uint64_t *most_ns);

/*
 * Look what the device does: leave if it leaves, and come back if it is back, or if our slot was
 * lost. False when it is over: one line was printed, and session->status is set.
 */
bool session_stay(struct session *session);

/* A call answered that the slot or the device is lost. False as session_stay(). */
bool session_lost(struct session *session, int error);

/*
 * Print one line if our incarnation is another: the machine, or the memory, was moved. False as
 * session_stay(): the command cannot go on.
 */
bool session_moved(struct session *session);

#endif
