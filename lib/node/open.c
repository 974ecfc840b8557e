/* SPDX-License-Identifier: MIT */
/*
 * open.c - opening a node, and closing it.
 */
#include "node/inside.h"

#include "core/linkage.h"

#define OPEN_TIMEOUT_NS UINT64_C(5000000000)
#define OPEN_SLOTS 8u

/* About what falling asleep and waking up cost. */
#define OPEN_SPIN_NS UINT64_C(50000)

#define ALIGNMENT 64u

/* The steps of an attach, which a node hands on. */
HIDDEN int ivsh_attach_format(const struct ivsh_mem *mem, struct ivsh_attach *attach);
HIDDEN int ivsh_attach_claim(struct ivsh_region *region);
HIDDEN void ivsh_attach_discard(struct ivsh_region *region);
HIDDEN void ivsh_attach_restart(struct ivsh_region *region);
HIDDEN void ivsh_attach_counters(struct ivsh_region *region);

_Static_assert(__builtin_offsetof(struct ivsh_node_message, message) == 0 &&
		   __builtin_offsetof(struct ivsh_node_message, data) ==
		       __builtin_offsetof(struct ivsh_message, data) &&
		   __builtin_offsetof(struct ivsh_node_message, size) ==
		       __builtin_offsetof(struct ivsh_message, size) &&
		   __builtin_offsetof(struct ivsh_node_message, port) ==
		       __builtin_offsetof(struct ivsh_message, port) &&
		   __builtin_offsetof(struct ivsh_node_message, flags) ==
		       __builtin_offsetof(struct ivsh_message, flags),
    "a node's message begins with a channel's");

/* Bytes of a node in a region of this geometry, as IVSH_NODE_SIZE() has them. */
static uint64_t size_of(const struct ivsh_geometry *g)
{
	return sizeof(struct ivsh_node) + IVSH_NODE_INBOX + ALIGNMENT +
	       (uint64_t)g->slots * (sizeof(struct ivsh_chan) + sizeof(struct ivsh_peer) +
					sizeof(struct ivsh_node_link)) +
	       (uint64_t)(g->slots - 1) * g->descs * sizeof(struct ivsh_record);
}

int ivsh_node_size(const struct ivsh_mem *mem, uint32_t slots, uint64_t *size)
{
	struct ivsh_attach attach = {0};
	struct ivsh_region region;
	int error = ivsh_region_probe(&region, mem, &attach);

	if (error == IVSH_ENODEV)
		error = ivsh_geometry_fit(
		    mem->size, slots ? slots : OPEN_SLOTS, &region.geometry, NULL);
	if (!error)
		*size = size_of(&region.geometry);
	return error;
}

/* Whether this node may format the memory if no one else has. */
static bool is_formatter(const struct ivsh_mem *mem, const struct ivsh_node_options *options)
{
	uint32_t slot = options->flags & IVSH_NODE_SLOT ? options->slot : mem->self;

	return !(options->flags & IVSH_NODE_NO_FORMAT) && !mem->split &&
	       (slot == 0 || slot == IVSH_SELF_NONE);
}

/* Whether the block is large enough, as far as that can be known before the attach. */
static int block_check(const struct ivsh_mem *mem, struct ivsh_node_options *options, uint64_t size)
{
	struct ivsh_attach attach = {0};
	struct ivsh_region region;
	bool is_known = ivsh_region_probe(&region, mem, &attach) == 0 || is_formatter(mem, options);

	if (ivsh_node_size(mem, options->slots, &options->need_block)) {
		options->need_block = IVSH_NODE_MEMORY;
		is_known = false;
	}
	if (size >= (is_known ? options->need_block : sizeof(struct ivsh_node) + ALIGNMENT)) {
		options->need_block = 0;
		return 0;
	}
	return IVSH_ENOSPC;
}

/*
 * Set mem->self to the slot that the options or the transport name; IVSH_SELF_NONE: any free one.
 */
static int slot_choose(struct ivsh_mem *mem, const struct ivsh_node_options *options)
{
	if (!(options->flags & IVSH_NODE_SLOT))
		return 0;
	if (options->slot == IVSH_SELF_NONE ||
	    (mem->self != IVSH_SELF_NONE && mem->self != options->slot))
		return IVSH_EINVAL;
	mem->self = options->slot;
	return 0;
}

static int attach_begin(struct ivsh_node *node, struct ivsh_mem *mem,
    struct ivsh_node_options *options, struct ivsh_attach *attach)
{
	bool is_guarded = mem->self != IVSH_SELF_NONE, fits;
	uint64_t need = 0, seed = options->nonce;
	int error = slot_choose(mem, options);

	if (error)
		return error;
	error = ivsh_geometry_fit(
	    mem->size, options->slots ? options->slots : OPEN_SLOTS, &attach->format, &need);
	if (error == IVSH_EINVAL)
		return error;
	fits = error == 0 || mem->split; /* no peer formats that one */
	attach->restart = ivsh_attach_restart;
	attach->counters = ivsh_attach_counters;
	attach->name = options->name;
	attach->timeout_ns = options->timeout_ns ? options->timeout_ns : OPEN_TIMEOUT_NS;
	if (fits && !(options->flags & IVSH_NODE_NO_FORMAT))
		attach->formatter = ivsh_attach_format;
	if (!fits && mem->self == 0)
		attach->timeout_ns = 0; /* no other peer formats it */
	if (!is_guarded)
		attach->claim = ivsh_attach_claim;
	if (options->flags & IVSH_NODE_DISCARD)
		attach->discard = ivsh_attach_discard;
	/* No peer notifies a node that never sleeps. */
	if (options->flags & IVSH_NODE_POLL)
		mem->doorbell.vectors = 0;
	if (!seed)
		seed = mem->seed ? mem->seed : mem->doorbell.now_ns(mem->doorbell.ctx);
	if (mem->self == IVSH_SELF_NONE) {
		error = ivsh_node_attach_free(&node->region, mem, attach, seed);
	} else {
		attach->nonce = options->nonce ? options->nonce : ivsh_attach_nonce(mem, seed);
		error = ivsh_region_attach(&node->region, mem, attach);
	}
	if (error == IVSH_ENODEV && !fits) {
		attach->need_size = need;
		return IVSH_ENOSPC;
	}
	return error;
}

static int node_attach(
    struct ivsh_node *node, const struct ivsh_mem *mem, struct ivsh_node_options *options)
{
	struct ivsh_attach attach = {0};
	struct ivsh_mem own = *mem;
	int error = attach_begin(node, &own, options, &attach);

	options->found_version = attach.found_version;
	options->found_features = attach.found_features;
	options->found_slots = attach.found_slots;
	options->found_magic = attach.found_magic;
	options->found_part = attach.found_part;
	options->parts_out = attach.parts_out;
	options->need_size = error == IVSH_ENOSPC ? attach.need_size : 0;
	return error;
}

/* Take (size) bytes of the block, from *at on. */
static void *block_take(uint8_t **at, size_t size)
{
	void *here = *at;

	*at += size;
	return here;
}

static uint8_t one_way_of(const struct ivsh_node_options *options, uint32_t slot)
{
	if (slot < options->one_way_count && options->one_way && options->one_way[slot] != 0)
		return options->one_way[slot];
	if (options->flags & IVSH_NODE_SEND_ONLY)
		return IVSH_SEND_ONLY;
	return options->flags & IVSH_NODE_RECEIVE_ONLY ? IVSH_RECEIVE_ONLY : 0;
}

/* Lay out the block behind the node, and open all channels. (end): the first byte behind it. */
static void node_fill(
    struct ivsh_node *node, const struct ivsh_node_options *options, const uint8_t *end)
{
	const struct ivsh_geometry *g = &node->region.geometry;
	uint8_t *at = (uint8_t *)(node + 1);
	struct ivsh_record *records;

	node->slots = g->slots;
	node->self = node->region.mem.self;
	node->chans = block_take(&at, g->slots * sizeof(*node->chans));
	node->peers = block_take(&at, g->slots * sizeof(*node->peers));
	node->links = block_take(&at, g->slots * sizeof(*node->links));
	__builtin_memset(node->chans, 0, (size_t)(at - (uint8_t *)node->chans));
	records = block_take(&at, (size_t)(g->slots - 1) * g->descs * sizeof(*records));
	near_stop(node);
	node->inbox = at;
	node->inbox_size = (size_t)(end - at) < UINT32_MAX ? (uint32_t)(end - at) : UINT32_MAX;
	for (uint32_t i = 0; i < g->slots; i++) {
		int error;

		node->links[i].one_way = one_way_of(options, i);
		error = ivsh_chan_open_one_way(
		    &node->chans[i], &node->region, i, records, g->descs, node->links[i].one_way);
		/* Our own stays closed, and answers everything with an error. */
		if (i == node->self)
			continue;
		records += g->descs;
		if (error == IVSH_EPROTO)
			(void)(ivsh_node_mend(node, i) != 0);
	}
}

static void wait_fill(struct ivsh_wait *wait, const struct ivsh_node_options *options)
{
	wait->mode = options->flags & IVSH_NODE_POLL    ? IVSH_WAIT_POLL
		     : options->flags & IVSH_NODE_SLEEP ? IVSH_WAIT_SLEEP
							: IVSH_WAIT_SPIN;
	wait->spin_ns = options->spin_ns ? options->spin_ns : OPEN_SPIN_NS;
	wait->nap_ns = options->nap_ns;
}

/* What an earlier open answered is not taken for this one's answer. */
static void answers_clear(struct ivsh_node_options *options)
{
	options->found_version = options->found_features = options->found_slots = 0;
	options->found_magic = options->need_size = options->need_block = 0;
	options->found_part = options->parts_out = 0;
}

static int one_way_check(const struct ivsh_node_options *options)
{
	const uint32_t both = IVSH_NODE_SEND_ONLY | IVSH_NODE_RECEIVE_ONLY;

	if ((options->flags & both) == both)
		return IVSH_EINVAL;
	for (uint32_t i = 0; options->one_way && i < options->one_way_count; i++)
		if (options->one_way[i] > IVSH_RECEIVE_ONLY)
			return IVSH_EINVAL;
	return 0;
}

int ivsh_node_open(struct ivsh_node **node, void *block, uint64_t size, const struct ivsh_mem *mem,
    struct ivsh_node_options *options)
{
	uint8_t *start = (uint8_t *)block + (-(uintptr_t)block & (ALIGNMENT - 1));
	struct ivsh_node *n = (struct ivsh_node *)(void *)start;
	struct ivsh_node_options defaults = {0};
	int error;

	if (!options)
		options = &defaults;
	answers_clear(options);
	error = one_way_check(options);
	if (!error)
		error = block_check(mem, options, size);
	if (error)
		return error;
	__builtin_memset(n, 0, sizeof(*n));
	error = node_attach(n, mem, options);
	if (error)
		return error;
	/* Another peer may have formatted it, with another geometry than ours. */
	if (size_of(&n->region.geometry) > size) {
		options->need_block = size_of(&n->region.geometry);
		ivsh_region_detach(&n->region);
		return IVSH_ENOSPC;
	}
	wait_fill(&n->wait, options);
	node_fill(n, options, (uint8_t *)block + size);
	ivsh_node_parts_count(n);
	n->look_ns = ivsh_node_now(n);
	if (!n->region.attached)
		return n->region.removed ? IVSH_EREMOVED : IVSH_ELOST;
	*node = n;
	return 0;
}

void ivsh_node_close(struct ivsh_node *node)
{
	for (uint32_t i = 0; i < node->slots; i++)
		if (i != node->self)
			ivsh_chan_close(&node->chans[i]);
	ivsh_region_detach(&node->region);
	near_stop(node);
}

uint32_t ivsh_node_max(const struct ivsh_node *node)
{
	return node->region.geometry.large_size;
}

struct ivsh_chan *ivsh_node_channel(struct ivsh_node *node, uint32_t peer)
{
	return is_peer(node, peer) ? &node->chans[peer] : NULL;
}
