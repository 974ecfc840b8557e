/* SPDX-License-Identifier: MIT */
/*
 * page.c - the server page. SPEC 4.
 *
 * Any peer can write here too. So each word has a copy in the shared state, which is what counts: a
 * word that a peer has overwritten is wrong until the next heartbeat, and steers nothing in the
 * server but one thing. A page with an epoch or a heartbeat that the server did not store means
 * that the memory was restored from a snapshot, or overwritten by a migration. The server then
 * begins another epoch, at most once a second.
 *
 * In a split region each slot has a copy of the page in a common memory of its own. What a peer
 * writes over its copy concerns that peer alone, so it is overwritten, and begins no epoch: SPEC
 * R17.7.
 */
#include "server/page.h"
#include "process/clock.h"
#include "process/log.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/random.h>

#define VECTORS_MAX 2048u /* of an MSI-X table */

/* The shortest time between two epochs, so that a peer that writes here costs no more. */
#define EPOCH_NS UINT64_C(1000000000)

/*
 * Release: a peer that sees (change) move, with acquire, sees the connection word that was stored
 * before it. A fence and a volatile store: gcc before 14 would make an exchange of it for RISC-V.
 * SPEC R1.2.
 */
static void store(uint32_t *word, uint32_t value)
{
	__atomic_thread_fence(__ATOMIC_RELEASE);
	*(volatile uint32_t *)word = value;
}

/* Store the word at (offset) of the page, in each memory that has the page. */
static void store_in_each(const struct page *page, size_t offset, uint32_t value)
{
	store((uint32_t *)(void *)((char *)page->words + offset), value);
	for (uint32_t i = 0; i < page->copy_count; i++)
		store((uint32_t *)(void *)((char *)page->copies[i] + offset), value);
}

#define STORE(page, member, value) \
	store_in_each(page, offsetof(struct ivsh_wire_server, member), value)

static void store_change(struct page *page)
{
	STORE(page, change, ++page->is->change);
	page->is_changed = true;
}

/* All words but the change, as they shall be, in one memory. */
static void store_rest(const struct page *page, struct ivsh_wire_server *words)
{
	for (uint32_t i = 0; i < IVSH_WIRE_SLOTS_MAX; i++)
		store(&words->connection[i], page->is->connection[i]);
	store(&words->vectors, page->vectors);
	store(&words->heartbeat, page->is->heartbeat);
	store(&words->epoch, page->is->epoch);
}

/* The same in each memory; the heartbeat moves. */
static void store_all(struct page *page)
{
	page->is->heartbeat++;
	store_rest(page, page->words);
	for (uint32_t i = 0; i < page->copy_count; i++)
		store_rest(page, page->copies[i]);
}

/* A server may have died between a connection word and the change: the change moves now. */
static void go_on(struct page *page)
{
	store_all(page);
	store_change(page);
}

/* A random epoch that is not the last one. 0 after one line. */
static uint32_t epoch_draw(const struct page *page)
{
	uint32_t epoch = 0;

	while (epoch == 0 || epoch == page->is->epoch)
		if (getrandom(&epoch, sizeof(epoch), 0) != sizeof(epoch)) {
			(void)log_failure("epoch", "getrandom: %s", strerror(errno));
			return 0;
		}
	return epoch;
}

static int begin(struct page *page)
{
	uint32_t epoch = epoch_draw(page);

	if (epoch == 0)
		return -1;
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

void page_copy(struct page *page, struct ivsh_wire_server *const *copies, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		/* Zeroes, or what the last server left: no peer sees another epoch meanwhile. */
		store_rest(page, copies[i]);
		store(&copies[i]->change, page->is->change);
	}
	page->copies = copies;
	page->copy_count = count;
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
	store_in_each(page,
	    offsetof(struct ivsh_wire_server, connection) + slot * sizeof(*connection),
	    *connection);
	store_change(page);
}

/*
 * Begin another epoch, in which each slot is connected or not as it was in the last one: nothing is
 * unknown but what was. The counts of connections start again, since no incarnation of the last
 * epoch can be distinguished by them. False: there is no random number for one.
 */
static bool epoch_begin(struct page *page)
{
	uint32_t epoch = epoch_draw(page);

	if (epoch == 0)
		return false;
	STORE(page, epoch, 0); /* until the words are this server's again */
	for (uint32_t i = 0; i < IVSH_WIRE_SLOTS_MAX; i++)
		if (page->is->connection[i] != 0)
			page->is->connection[i] = page->is->connection[i] % 2 ? 1 : 2;
	page->is->epoch = epoch;
	page->epoch_ns = clock_now_ns();
	page->is_epoch_due = false;
	store_change(page);
	return true;
}

/*
 * Whether the memory has the page of another server, or an earlier one of this server: what a
 * migration or a snapshot leaves there. Anything else is damage, and is overwritten. Each word is
 * loaded once.
 */
static bool is_foreign(const struct page *page)
{
	const struct ivsh_wire_server *words = page->words;
	uint32_t epoch = __atomic_load_n(&words->epoch, __ATOMIC_RELAXED);
	uint32_t heartbeat = __atomic_load_n(&words->heartbeat, __ATOMIC_RELAXED);
	uint32_t vectors = __atomic_load_n(&words->vectors, __ATOMIC_RELAXED);

	return (epoch != page->is->epoch || heartbeat != page->is->heartbeat) && epoch != 0 &&
	       vectors != 0 && vectors <= VECTORS_MAX;
}

void page_heartbeat(struct page *page)
{
	uint32_t last;
	bool begins;

	if (!page->words)
		return;
	last = page->is->epoch;
	page->is_epoch_due |= page->copy_count == 0 && is_foreign(page);
	begins = page->is_epoch_due &&
		 (page->epoch_ns == 0 || clock_now_ns() - page->epoch_ns >= EPOCH_NS) &&
		 epoch_begin(page);
	store_all(page);
	STORE(page, change, page->is->change);
	/* Who reads this finds the page so. */
	if (begins)
		log_event("event=epoch epoch=0x%08x last=0x%08x hint=\"the memory was restored or"
			  " overwritten: what was in flight may be lost\"",
		    page->is->epoch, last);
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
		STORE(page, epoch, 0);
		STORE(page, change, ++page->is->change);
	}
	page->words = NULL;
	page->copy_count = 0;
}
