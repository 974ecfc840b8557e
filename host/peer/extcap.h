/* SPDX-License-Identifier: MIT */
/*
 * extcap.h - capture as Wireshark starts it: extcap(4), "The Extcap Interface" in its developer's
 * guide.
 *
 * Wireshark calls the program by the wrapper host/wireshark/ivsh-extcap: to list interfaces, their
 * link types and their options, and then to capture into a FIFO.
 */
#ifndef PEER_EXTCAP_H
#define PEER_EXTCAP_H

#include <stdbool.h>

/* Take Wireshark's options. False after a line. */
bool extcap_interfaces_take(const char *text);
bool extcap_dlts_take(const char *text);
bool extcap_config_take(const char *text);
bool extcap_capture_take(const char *text);
bool extcap_fifo_take(const char *text);
bool extcap_ignore_take(const char *text);

/* Whether an answer is wanted, and no region. */
bool extcap_queries(void);

/* Print it. The exit status. */
int extcap_answer(void);

/* The FIFO to capture into; NULL: none. */
const char *extcap_fifo(void);

#endif
