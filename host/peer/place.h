/* SPDX-License-Identifier: MIT */
/*
 * place.h - where a region is for a process: at a server's socket, in a plain file, or, in a Linux
 * guest, in its ivshmem device.
 *
 * Implements the calls of struct world: app/world.h.
 */
#ifndef PLACE_H
#define PLACE_H

#include "app/options.h"
#include "app/world.h"

extern const struct option place_options[];
extern char place_option[8]; /* the name of the option that was given several times */

uint32_t place_count(void);

/* The path that the command line means; NULL: a device. After place_count(). */
const char *place_path(void);

int place_open(struct transport *transport, uint32_t place, const struct options *options);
int place_probe(struct transport *transport, uint32_t place, const struct options *options);
void place_entered(const struct transport *transport);
bool place_refused(const struct transport *transport, const struct ivsh_attach *attach, int error);
void place_close(struct transport *transport);
enum world_state place_state(struct transport *transport);
void place_release(struct transport *transport);
enum world_ready place_ready(uint32_t place);
void place_join(struct transport *first, struct transport *other);
bool place_vectors(struct transport *transport, uint32_t peer, uint32_t *vectors);
const char *place_event(struct transport *transport);
uint64_t place_now_ns(void);
void place_nap(uint64_t ns);

#endif
