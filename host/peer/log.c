/* SPDX-License-Identifier: MIT */
/*
 * log.c - log: the command.
 *
 * An observer: it takes no slot, and the memory is mapped for reading. What a log says is a claim
 * of its peer, or of any other one, so a terminal gets only text of it.
 */
#include "peer/log.h"

#include "app/output.h"
#include "app/refuse.h"
#include "app/status.h"
#include "peer/log_lines.h"
#include "peer/stop.h"

#include <ivsh/log.h>
#include <ivsh/peers.h>

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define FOLLOW_NS UINT64_C(100000000) /* how often a log is looked at: a person sees no delay */
#define CHUNK 4096u

static bool is_following, is_raw, has_most;
static uint64_t most; /* bytes to print of what is there; only if has_most */

struct log {
	const struct world *world;
	struct transport *transport;
	struct ivsh_region region;
	struct ivsh_log_reader reader;
	struct ivsh_peer peer;
	uint32_t incarnation; /* whose bytes come now, or come next; 0: nobody's */
	uint64_t begin;       /* where they begin, if that is still ahead */
	bool is_ahead;
	struct log_lines lines;
};

bool log_follow_take(const char *text)
{
	(void)text;
	is_following = true;
	return true;
}

bool log_raw_take(const char *text)
{
	(void)text;
	is_raw = true;
	return true;
}

bool log_bytes_take(const char *text)
{
	has_most = options_number(text, 0, IVSH_WIRE_LOG_MAX, &most);
	if (!has_most)
		fprintf(stderr, "ivsh: --bytes=%s: not a number from 0 to %u\n", text,
		    IVSH_WIRE_LOG_MAX);
	return has_most;
}

/* Count the slots that have the peer's name (text), those of attached peers alone or all. */
static uint32_t named(struct ivsh_region *region, const char *text, bool attached, uint32_t *slot)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < region->geometry.slots; i++) {
		struct ivsh_peer peer = {0};

		if (ivsh_region_peer(region, i, &peer) || peer.incarnation == 0 ||
		    strcmp(peer.name, text) != 0 ||
		    (attached && peer.presence != IVSH_PEER_ATTACHED))
			continue;
		*slot = i;
		count++;
	}
	return count;
}

/* The slot that (text) means, of a peer that is there or is not. STATUS_DONE, or after a line. */
static int slot_find(
    struct ivsh_region *region, const char *object, const char *text, uint32_t *slot)
{
	uint64_t number;
	uint32_t count;

	if (options_number(text, 0, UINT32_MAX, &number)) {
		*slot = (uint32_t)number;
		if (number < region->geometry.slots)
			return STATUS_DONE;
		fprintf(stderr, "ivsh: %s: no slot %s: there are %" PRIu32 "\n", object, text,
		    region->geometry.slots);
		return STATUS_NO_PEER;
	}
	count = named(region, text, false, slot);
	/* Of several with that name, the only one that is there. */
	if (count > 1 && named(region, text, true, slot) == 1)
		count = 1;
	if (count == 1)
		return STATUS_DONE;
	if (count)
		fprintf(stderr,
		    "ivsh: %s: %" PRIu32 " slots have a peer %s: give the slot's number,"
		    " as ivsh ls shows it\n",
		    object, count, text);
	else
		fprintf(stderr, "ivsh: %s: no slot has or had a peer %s: ivsh ls shows them\n",
		    object, text);
	return STATUS_NO_PEER;
}

/* Look for another incarnation, whose bytes begin somewhere ahead. */
static void incarnation_look(struct log *l)
{
	struct ivsh_log_reader now;

	if (ivsh_log_reader_open(&now, &l->region, l->lines.slot) ||
	    now.incarnation == l->incarnation)
		return;
	l->incarnation = now.incarnation;
	l->begin = now.begin;
	/* What was overwritten may have had the begin: then it is here. */
	l->is_ahead = true;
	if (l->begin - l->reader.next > INT64_MAX)
		l->begin = l->reader.next;
}

static void incarnation_begin(struct log *l)
{
	struct ivsh_peer peer = {0};

	l->is_ahead = false;
	(void)(ivsh_region_peer(&l->region, l->lines.slot, &peer) != 0);
	log_lines_begin(&l->lines, l->incarnation, peer.name);
}

/*
 * Read once, up to the begin of another incarnation. Answers the bytes that are behind us now; 0:
 * there are none.
 */
static uint64_t piece_read(struct log *l)
{
	uint8_t bytes[CHUNK];
	uint64_t ahead = l->begin - l->reader.next, lost;
	uint32_t got, size = CHUNK;
	int error;

	if (l->is_ahead && (ahead == 0 || ahead > INT64_MAX))
		incarnation_begin(l);
	if (l->is_ahead && ahead < size)
		size = (uint32_t)ahead;
	error = ivsh_log_read(&l->reader, bytes, size, &got, &lost);
	if (error == IVSH_EPEER)
		log_lines_say(&l->lines, "the log has gone back: its memory was restored, or is "
					 "damaged: what follows may have come before");
	if (error)
		return error == IVSH_EPEER;
	if (lost)
		log_lines_lost(&l->lines, lost);
	/* The bytes of the last incarnation's end were among those. */
	if (l->is_ahead && l->reader.next - l->begin <= INT64_MAX && l->reader.next != l->begin)
		incarnation_begin(l);
	log_lines_put(&l->lines, l->reader.next - got, bytes, got);
	return got + lost;
}

/* Print what is there: at most as much as a log holds, as its peer may be quicker than we. */
static int all_read(struct log *l)
{
	uint64_t left = l->region.geometry.log_size, some;

	incarnation_look(l);
	while (left && !l->world->stopped() && (some = piece_read(l)) != 0)
		left -= some < left ? some : left;
	return output_flush();
}

/* Whether the region is still the one that was probed. */
static bool is_same(const struct log *l)
{
	const struct ivsh_wire_header *header = l->region.mem.base;

	return __atomic_load_n(&header->magic, __ATOMIC_ACQUIRE) == IVSH_WIRE_MAGIC &&
	       __atomic_load_n(&header->format_id, __ATOMIC_RELAXED) == l->region.format_id;
}

/* Say what happened to the peer, and to the way to the memory. */
static void changes_say(struct log *l)
{
	enum ivsh_presence before = l->peer.presence;
	const char *event = l->world->event ? l->world->event(l->transport) : NULL;
	char text[256];

	if (event) {
		snprintf(
		    text, sizeof(text), "%s: peers that come later may get another memory", event);
		log_lines_say(&l->lines, text);
	}
	if (ivsh_region_peer(&l->region, l->lines.slot, &l->peer) == 0 &&
	    before == IVSH_PEER_ATTACHED && l->peer.presence != IVSH_PEER_ATTACHED)
		log_lines_say(&l->lines, "its peer is gone: waiting for the next one");
}

static int follow(struct log *l)
{
	int status;

	for (;;) {
		status = all_read(l);
		if (status != STATUS_DONE || l->world->stopped())
			return status;
		changes_say(l);
		if (!is_same(l)) {
			fprintf(stderr, "ivsh: %s: the region was formatted again: begin anew\n",
			    l->lines.object);
			return STATUS_FAILED;
		}
		status = output_flush();
		if (status != STATUS_DONE)
			return status;
		l->world->nap(FOLLOW_NS);
	}
}

/* The reader begins where --bytes says. */
static void begin_set(struct log *l)
{
	struct ivsh_log_reader ahead = l->reader;
	uint64_t left = l->region.geometry.log_size, lost;
	uint8_t bytes[CHUNK];
	uint32_t got;

	while (has_most && left && ivsh_log_read(&ahead, bytes, CHUNK, &got, &lost) == 0)
		left -= got + lost < left ? got + lost : left;
	if (has_most && ahead.next - l->reader.next > most)
		l->reader.next = ahead.next - most;
}

static int show(struct log *l, const char *peer, const struct options *o)
{
	struct log_lines *lines = &l->lines;
	int error, status = slot_find(&l->region, lines->object, peer, &lines->slot);

	if (status != STATUS_DONE)
		return status;
	error = ivsh_log_reader_open(&l->reader, &l->region, lines->slot);
	if (error == IVSH_EPART) {
		fprintf(stderr,
		    "ivsh: %s: the part of slot %" PRIu32 " is not here, or not of this region:"
		    " ivsh dump header says which\n",
		    lines->object, lines->slot);
		return STATUS_FAILED;
	}
	if (error) {
		fprintf(stderr,
		    "ivsh: %s: the region has no logs: give ivsh-server or ivsh mem "
		    "create --log-size=64K\n",
		    lines->object);
		return STATUS_FAILED;
	}
	lines->form = o->given & OPTION_JSON                  ? LOG_JSON
		      : isatty(STDOUT_FILENO) == 1 && !is_raw ? LOG_PLAIN
							      : LOG_BYTES;
	begin_set(l);
	/* Where the bytes begin with those of an earlier incarnation, the border is said. */
	l->incarnation = lines->incarnation = l->reader.incarnation;
	l->begin = l->reader.begin;
	l->is_ahead = l->begin - l->reader.next - 1 < l->region.geometry.log_size;
	if (l->is_ahead)
		lines->incarnation = 0;
	if (l->incarnation == 0 && !is_following)
		log_lines_say(lines, "nothing was ever logged there");
	status = is_following ? follow(l) : all_read(l);
	log_lines_cut(lines);
	return status;
}

int log_command(const struct world *world, const struct options *o)
{
	static struct log l;
	struct ivsh_attach attach = {0};
	struct transport transport;
	int status, error;

	if (is_raw && o->given & OPTION_JSON) {
		fprintf(stderr, "ivsh: log: give --raw or --json, not both\n");
		return STATUS_USAGE;
	}
	status = world->probe(&transport, 0, o);
	if (status != STATUS_DONE)
		return status < 0 ? STATUS_NO_DEVICE : status;
	stop_listen();
	l.world = world;
	l.transport = &transport;
	l.lines.object = transport.object;
	error = ivsh_region_probe(&l.region, &transport.mem, &attach);
	if (error) {
		refuse_print(world, &transport, &attach, error);
		status = STATUS_FAILED;
	} else {
		status = show(&l, o->word[1], o);
	}
	world->close(&transport);
	return status;
}
