/* SPDX-License-Identifier: MIT */
/*
 * window.c - how far a sender may be ahead of a receiver.
 */
#include "bridge/window.h"

#include <string.h>

bool window_is_open(const struct window *window, uint64_t bytes, uint64_t size)
{
	if (window->bytes == 0)
		return size != 0;
	return window->bytes <= size && bytes <= size - window->bytes;
}

void window_sent(struct window *window, uint64_t last, uint64_t bytes, uint64_t size)
{
	uint32_t count = window->count;

	/* Of what shares an entry, the receiver has all or is taken to have nothing: so that is
	 * little. The last entry takes whatever has no other. */
	if (count == 0 ||
	    (count < WINDOW_ENTRIES && window->entry[count - 1].bytes + bytes > size / 16)) {
		window->entry[count].bytes = 0;
		count = ++window->count;
	}
	window->entry[count - 1].last = last;
	window->entry[count - 1].bytes += bytes;
	window->bytes += bytes;
}

void window_received(struct window *window, uint64_t number)
{
	uint32_t done = 0;

	while (done < window->count && window->entry[done].last <= number)
		window->bytes -= window->entry[done++].bytes;
	window->count -= done;
	memmove(window->entry, window->entry + done, window->count * sizeof(*window->entry));
}
