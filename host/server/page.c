/* SPDX-License-Identifier: MIT */
/*
 * page.c - the server page. SPEC 4.
 *
 * Any peer can write here too. So each word has a private copy, which is what counts: a scribbled
 * word is wrong until its next change, and steers nothing in the server.
 */
#include "page.h"
#include "log.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/random.h>

/*
 * Release: who sees (change) move, with acquire, sees the connection word that was stored before.
 */
static void page_store(uint32_t *word, uint32_t value)
{
	__atomic_store_n(word, value, __ATOMIC_RELEASE);
}

int page_open(struct page *page, struct ivsh_wire_server *words, uint32_t vectors)
{
	memset(page, 0, sizeof *page);
	page->words = words;
	if (!words)
		return 0;
	while (page->epoch == 0)
		if (getrandom(&page->epoch, sizeof page->epoch, 0) != sizeof page->epoch)
			return log_failure("epoch", "getrandom: %s", strerror(errno));
	/* A dead server's words first become nobody's, then unknown, then ours: epoch is last. */
	page_store(&words->epoch, 0);
	for (uint32_t i = 0; i < IVSH_WIRE_SLOTS_MAX; i++)
		page_store(&words->connection[i], 0);
	page_store(&words->change, 0);
	page_store(&words->beat, 0);
	page_store(&words->vectors, vectors);
	page_store(&words->epoch, page->epoch);
	return 0;
}

void page_connection(struct page *page, uint32_t slot)
{
	if (!page->words || slot >= IVSH_WIRE_SLOTS_MAX)
		return;
	/* 0 means unknown: after 2^32 changes the count goes on at 2, which is disconnected too. */
	if (++page->connection[slot] == 0)
		page->connection[slot] = 2;
	page_store(&page->words->connection[slot], page->connection[slot]);
	page_store(&page->words->change, ++page->change);
	page->is_changed = true;
}

void page_beat(struct page *page)
{
	if (page->words)
		page_store(&page->words->beat, ++page->beat);
}

bool page_take_change(struct page *page)
{
	bool changed = page->is_changed;

	page->is_changed = false;
	return changed;
}

void page_close(struct page *page)
{
	if (page->words) {
		page_store(&page->words->epoch, 0);
		page_store(&page->words->change, ++page->change);
	}
	page->words = NULL;
}
