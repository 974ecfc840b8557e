/* SPDX-License-Identifier: MIT */
/*
 * page.c - the server page. SPEC 4.
 *
 * Any peer can write here too. So each word has a copy in the shared state, which is what counts: a
 * word that a peer has overwritten is wrong until the next heartbeat, and steers nothing in the
 * server.
 */
#include "server/page.h"
#include "process/log.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/random.h>

/*
 * Release: a peer that sees (change) move, with acquire, sees the connection word that was stored
 * before it.
 */
static void store(uint32_t *word, uint32_t value)
{
	__atomic_store_n(word, value, __ATOMIC_RELEASE);
}

static void store_change(struct page *page)
{
	store(&page->words->change, ++page->is->change);
	page->is_changed = true;
}

/* All words but the change, as they shall be; the heartbeat moves. */
static void store_all(struct page *page)
{
	for (uint32_t i = 0; i < IVSH_WIRE_SLOTS_MAX; i++)
		store(&page->words->connection[i], page->is->connection[i]);
	store(&page->words->vectors, page->vectors);
	store(&page->words->heartbeat, ++page->is->heartbeat);
	store(&page->words->epoch, page->is->epoch);
}

/* A server may have died between a connection word and the change: the change moves now. */
static void go_on(struct page *page)
{
	store_all(page);
	store_change(page);
}

static int begin(struct page *page)
{
	uint32_t epoch = 0;

	while (epoch == 0)
		if (getrandom(&epoch, sizeof(epoch), 0) != sizeof(epoch))
			return log_failure("epoch", "getrandom: %s", strerror(errno));
	/* A dead server's words first become nobody's, then unknown, then ours: epoch is last. */
	store(&page->words->epoch, 0);
	for (uint32_t i = 0; i < IVSH_WIRE_SLOTS_MAX; i++)
		store(&page->words->connection[i], 0);
	store(&page->words->change, 0);
	store(&page->words->heartbeat, 0);
	*page->is = (struct page_words){.epoch = epoch};
	store(&page->words->epoch, epoch);
	return 0;
}

int page_open(
    struct page *page, struct page_words *is, struct ivsh_wire_server *words, uint32_t vectors)
{
	*page = (struct page){.words = words, .is = is, .vectors = vectors};
	if (!words)
		return 0;
	store(&words->vectors, vectors);
	if (is->epoch == 0)
		return begin(page);
	go_on(page);
	return 0;
}

void page_connection(struct page *page, uint32_t slot, bool is_connected)
{
	uint32_t *connection;

	if (!page->words || slot >= IVSH_WIRE_SLOTS_MAX)
		return;
	connection = &page->is->connection[slot];
	if (*connection % 2 == is_connected)
		return;
	/* 0 means unknown: after 2^32 changes the count goes on at 2, which is disconnected too. */
	*connection = *connection + 1 ? *connection + 1 : 2;
	store(&page->words->connection[slot], *connection);
	store_change(page);
}

void page_heartbeat(struct page *page)
{
	if (!page->words)
		return;
	store_all(page);
	store(&page->words->change, page->is->change);
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
		store(&page->words->epoch, 0);
		store(&page->words->change, ++page->is->change);
	}
	page->words = NULL;
}
