/* SPDX-License-Identifier: MIT */
/*
 * text.c - the name and the services of a slot.
 *
 * Theory of operation: the slot's sequence counter is odd while its peer writes. The release orders
 * odd before the bytes, and the bytes before even. A reader loads the counter before and after, and
 * tries again if it was odd or has moved.
 */
#include "core/text.h"

#include "core/atomic.h"

/* How often a reader tries before it gives up. */
#define READ_TRIES 4

bool ivsh_text_is_valid(const char *name)
{
	if (!name)
		return true;
	for (unsigned i = 0; i < IVSH_WIRE_NAME_SIZE; i++) {
		if (name[i] == '\0')
			return true;
		if (name[i] < 0x20 || name[i] > 0x7e)
			return false;
	}
	return false;
}

void ivsh_text_clean(char *text, uint32_t size)
{
	text[size - 1] = '\0';
	for (unsigned i = 0; text[i]; i++)
		if (text[i] < 0x20 || text[i] > 0x7e)
			text[i] = '?';
}

int ivsh_text_read(const struct ivsh_wire_slot *slot, const uint8_t *from, char *to, uint32_t size)
{
	for (unsigned try = 0; try < READ_TRIES; try++) {
		uint32_t sequence = load32_acquire(&slot->sequence);

		for (uint32_t i = 0; i < size; i += 8) {
			uint64_t word = load64((const uint64_t *)(const void *)(from + i));

			__builtin_memcpy(to + i, &word, sizeof(word));
		}
		/* Orders the words before the second load of the counter. */
		fence_acquire();
		if (!(sequence & 1) && load32(&slot->sequence) == sequence)
			return 0;
	}
	return IVSH_EAGAIN;
}

void ivsh_text_end(struct ivsh_wire_slot *slot)
{
	/* Even, whatever another peer has stored meanwhile: readers refuse an odd number. */
	store32_release(&slot->sequence, (load32(&slot->sequence) | 1) + 1);
}

void ivsh_words_store(uint8_t *to, const char *from, uint32_t size)
{
	for (uint32_t i = 0; i < size; i += 8) {
		uint64_t word;

		__builtin_memcpy(&word, from + i, sizeof(word));
		store64((uint64_t *)(void *)(to + i), word);
	}
}

void ivsh_text_write(struct ivsh_wire_slot *slot, uint8_t *to, const char *from, uint32_t size)
{
	/* An incarnation that was killed while it wrote has left an odd number. */
	store32(&slot->sequence, load32(&slot->sequence) | 1);
	fence_release();
	ivsh_words_store(to, from, size);
	ivsh_text_end(slot);
}
