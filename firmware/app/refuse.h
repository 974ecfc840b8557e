/* SPDX-License-Identifier: MIT */
/*
 * refuse.h - why a region was refused, and what to do about it.
 */
#ifndef APP_REFUSE_H
#define APP_REFUSE_H

#include "app/world.h"

#include <stddef.h>

/*
 * Write into (text) why the region behind (transport) was refused: (error) and (attach) are what
 * ivsh_region_attach() answered, or what a probe did.
 */
void refuse_text(char *text, size_t size, const struct transport *transport,
    const struct ivsh_attach *attach, int error);

/* The same as one line on stderr, that names the transport. */
void refuse_print(const struct world *world, const struct transport *transport,
    const struct ivsh_attach *attach, int error);

/* Print that --slot is missing, since no server assigns slots. Answers STATUS_USAGE. */
int refuse_slotless(const char *object);

#endif
