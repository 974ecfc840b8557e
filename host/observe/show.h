/* SPDX-License-Identifier: MIT */
/*
 * show.h - what is in a region, as lines.
 */
#ifndef OBSERVE_SHOW_H
#define OBSERVE_SHOW_H

#include "observe/parts.h"
#include "observe/rings.h"

void show_findings(const struct observe_findings *findings);
void show_header(const struct observed_header *header);
void show_part(uint32_t slot, const struct observed_part *part);
void show_server(const struct observed_server *server, uint32_t slots, bool moves);
void show_slot(uint32_t slot, const struct observed_slot *observed, bool moves, bool is_new);
/* The line of the log of (slot). */
void show_log(uint32_t slot, const struct observed_log *log);

void show_ring(const struct observer *observer, const struct observed_ring *ring);

/* The descriptors in flight, (rows) of them at most, 0: all; and their payloads. */
void show_flight(
    const struct observer *observer, const struct observed_ring *ring, uint32_t rows, bool payload);

#endif
