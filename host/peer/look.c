/* SPDX-License-Identifier: MIT */
/*
 * look.c - a region seen from outside.
 *
 * Theory of operation: the header is copied once and checked; from then on every place follows from
 * the copy. State words are read once per look. Two looks show what moves: heartbeats, and the
 * server's beat.
 */
#include "look.h"

#include <string.h>

/* How often a name that is just being written is read again before it is given up. SPEC R5.7 */
#define LOOK_NAME_TRIES 4

static uint32_t look_word(const uint32_t *word)
{
	return __atomic_load_n(word, __ATOMIC_ACQUIRE);
}

static const struct ivsh_wire_server *look_server(const struct look *look)
{
	const void *at = look->base + IVSH_WIRE_SERVER_OFFSET;

	return at;
}

/* (i) is below geometry.slots, and the header's size, which holds them, was checked. */
static const struct ivsh_wire_slot *look_slot(const struct look *look, uint32_t i)
{
	const void *at = look->base + IVSH_WIRE_SLOTS_OFFSET + i * sizeof(struct ivsh_wire_slot);

	return at;
}

/* SPEC R3.6 */
static int look_header(struct look *look, const struct ivsh_mem *mem, struct ivsh_attach *attach)
{
	const struct ivsh_wire_header *header = mem->base;
	struct ivsh_wire_header h;

	attach->found_magic = __atomic_load_n(&header->magic, __ATOMIC_ACQUIRE);
	if (attach->found_magic == 0)
		return IVSH_ENODEV;
	if (attach->found_magic != IVSH_WIRE_MAGIC)
		return IVSH_EPROTO;
	attach->found_magic = 0;
	memcpy(&h, header, sizeof h);
	attach->found_version = h.version;
	attach->found_features = h.features;
	if (h.version != IVSH_WIRE_VERSION || h.features != 0)
		return IVSH_EVERSION;
	look->geometry = (struct ivsh_geometry){h.slots, h.descs, h.hot_size, h.bulk_size};
	if (ivsh_geometry_size(&look->geometry, &look->size) || look->size != h.size)
		return IVSH_EPROTO;
	attach->need_size = look->size;
	look->generation = h.generation;
	return look->size > mem->size ? IVSH_ENOSPC : 0;
}

int look_open(struct look *look, const struct ivsh_mem *mem, struct ivsh_attach *attach)
{
	int error;

	memset(look, 0, sizeof *look);
	look->base = mem->base;
	error = look_header(look, mem, attach);
	if (error)
		return error;
	look->server_epoch = look_word(&look_server(look)->epoch);
	look->server_beat = look_word(&look_server(look)->beat);
	for (uint32_t i = 0; i < look->geometry.slots; i++)
		look->slot[i].heartbeat = look_word(&look_slot(look, i)->heartbeat);
	return 0;
}

/* SPEC R4.3: the server's word counts while its beat moves. */
static enum ivsh_connection look_connection(const struct look *look, uint32_t i)
{
	uint32_t word = look_word(&look_server(look)->connection[i]);

	if (look->server_epoch == 0 || !look->server_moves || word == 0)
		return IVSH_CONNECTION_UNKNOWN;
	return word & 1 ? IVSH_CONNECTION_UP : IVSH_CONNECTION_DOWN;
}

bool look_again(struct look *look)
{
	const struct ivsh_wire_server *server = look_server(look);
	uint32_t epoch = look_word(&server->epoch);
	bool all = true;

	if (look_word(&server->beat) != look->server_beat || epoch != look->server_epoch)
		look->server_moves = true;
	look->server_epoch = epoch;
	if (epoch != 0 && !look->server_moves)
		all = false;
	for (uint32_t i = 0; i < look->geometry.slots; i++) {
		struct look_slot *slot = &look->slot[i];

		if (look_word(&look_slot(look, i)->heartbeat) != slot->heartbeat)
			slot->moves = true;
		slot->connection = look_connection(look, i);
		if (look_word(&look_slot(look, i)->state) == IVSH_WIRE_STATE_ATTACHED &&
		    !slot->moves && !slot->ours && slot->connection != IVSH_CONNECTION_DOWN)
			all = false;
	}
	return all;
}

/* What others wrote goes to somebody's terminal: only printable ASCII passes. SPEC R5.7 */
static void look_name(const struct ivsh_wire_slot *slot, char name[IVSH_WIRE_NAME_SIZE])
{
	for (unsigned try = 0; try < LOOK_NAME_TRIES; try++) {
		uint32_t generation = look_word(&slot->generation);

		memcpy(name, slot->name, IVSH_WIRE_NAME_SIZE);
		/* Orders the bytes before the second look; the writer is ivsh_slot_announce(). */
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
		if ((generation & 1) || look_word(&slot->generation) != generation)
			continue;
		name[IVSH_WIRE_NAME_SIZE - 1] = '\0';
		for (unsigned i = 0; name[i]; i++)
			if (name[i] < 0x20 || name[i] > 0x7e)
				name[i] = '?';
		return;
	}
	name[0] = '\0';
}

static enum ivsh_presence look_presence(const struct look_slot *slot, uint32_t state)
{
	if (state != IVSH_WIRE_STATE_ATTACHED)
		return IVSH_PEER_ABSENT;
	if (slot->ours || slot->connection == IVSH_CONNECTION_DOWN)
		return IVSH_PEER_GONE;
	return slot->moves ? IVSH_PEER_ATTACHED : IVSH_PEER_SILENT;
}

void look_close(struct look *look)
{
	for (uint32_t i = 0; i < look->geometry.slots; i++) {
		const struct ivsh_wire_slot *from = look_slot(look, i);
		struct look_slot *slot = &look->slot[i];

		slot->presence = look_presence(slot, look_word(&from->state));
		slot->boot = look_word(&from->boot);
		slot->vectors = look_word(&from->vectors);
		look_name(from, slot->name);
		slot->counters.sent = __atomic_load_n(&from->sent, __ATOMIC_RELAXED);
		slot->counters.received = __atomic_load_n(&from->received, __ATOMIC_RELAXED);
		slot->counters.full = __atomic_load_n(&from->full, __ATOMIC_RELAXED);
		slot->counters.errors = __atomic_load_n(&from->errors, __ATOMIC_RELAXED);
	}
}
