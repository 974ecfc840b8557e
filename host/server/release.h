/* SPDX-License-Identifier: MIT */
/*
 * release.h - ending the connection of a slot's client on request, so that another gets the slot.
 */
#ifndef RELEASE_H
#define RELEASE_H

#include <stddef.h>
#include <stdint.h>

/*
 * The answer to "release ID": control->release, of the struct server (context). (id) is the text
 * behind the word, and (user) the kernel's word for who asks. Allocated; NULL: out of memory.
 */
char *release_make(void *context, const char *id, uint32_t user, size_t *size);

#endif
