/* SPDX-License-Identifier: MIT */
/*
 * text.h - the name and the services of a slot, which its sequence counter guards.
 */
#ifndef IVSH_CORE_TEXT_H
#define IVSH_CORE_TEXT_H

#include <ivsh/error.h>
#include <ivsh/wire.h>

#include <stdbool.h>

/* Whether (name) is NULL or has at most 31 characters, all of them printable ASCII. */
bool ivsh_text_is_valid(const char *name);

/* Terminate (text) of (size) bytes, and replace characters that are not printable. */
void ivsh_text_clean(char *text, uint32_t size);

/*
 * Copy (size) bytes, a multiple of 8, of name or services at (from). 0; IVSH_EAGAIN: their peer is
 * writing them, or died writing them. SPEC R5.7.
 */
int ivsh_text_read(const struct ivsh_wire_slot *slot, const uint8_t *from, char *to, uint32_t size);

/* Store (size) bytes, a multiple of 8, of name or services of our own slot. */
void ivsh_text_write(struct ivsh_wire_slot *slot, uint8_t *to, const char *from, uint32_t size);

/* Make the sequence counter even, after it was damaged or an incarnation was killed writing. */
void ivsh_text_end(struct ivsh_wire_slot *slot);

/* Store (size) bytes, a multiple of 8, word by word, between the two steps of ivsh_text_write(). */
void ivsh_words_store(uint8_t *to, const char *from, uint32_t size);

#endif
