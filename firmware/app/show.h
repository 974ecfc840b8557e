/* SPDX-License-Identifier: MIT */
/*
 * show.h - what several commands print of a region that was probed.
 */
#ifndef APP_SHOW_H
#define APP_SHOW_H

#include "app/json.h"
#include "app/probe.h"

#include <ivsh/metrics.h>

/* The words for a slot. */
const char *show_presence(enum ivsh_presence presence);
const char *show_connection(enum ivsh_connection connection);

/* Print the region, and its server: two lines. */
void show_region(const struct probe *probe, bool json);

/* Print a slot as an object of JSON. (is_own): the caller's. */
void show_slot_json(const struct probe *probe, uint32_t slot, bool is_own);

/*
 * Read metric (index) of (slot), again where it is being written. As ivsh_metric_read().
 */
int show_metric(const struct ivsh_region *region, uint32_t slot, uint32_t index,
    struct ivsh_metric_sample *sample);

/* The member "metrics" of an object: what the slot's peer declared, null for a damaged one. */
void show_metrics_json(struct json *json, const struct ivsh_region *region, uint32_t slot);

#endif
