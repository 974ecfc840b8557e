/* SPDX-License-Identifier: MIT */
/*
 * attach.c - the node over the present client: its block, its options, and why it was not opened.
 */
#include "library/inside.h"
#include "client/parts.h"

#include <inttypes.h>
#include <stdlib.h>
#include <sys/stat.h>

/* Room for messages that come during a call, besides what the node itself keeps. */
#define INBOX 65536u

/* Say why the node was not opened. Returns (error). */
static int explain(struct ivsh_host *host, int error, const struct ivsh_node_options *options)
{
	if (error == IVSH_EVERSION)
		return ivsh_host_fail(host, error,
		    "the region has version %u and features %#x, this library has version %u",
		    options->found_version, options->found_features, IVSH_WIRE_VERSION);
	if (error == IVSH_EPROTO && options->found_magic)
		return ivsh_host_fail(host, error,
		    "the memory holds no region: it begins with %016" PRIx64, options->found_magic);
	if (error == IVSH_EPROTO)
		return ivsh_host_fail(host, error, "the region's header is damaged");
	if (error == IVSH_ENOSPC && options->need_size)
		return ivsh_host_fail(host, error,
		    "the memory is too small: a region takes %" PRIu64 " bytes",
		    options->need_size);
	if (error == IVSH_EINVAL && host->slot != IVSH_SELF_NONE && options->found_slots &&
	    host->slot >= options->found_slots)
		return ivsh_host_fail(
		    host, error, "the region has only the slots 0 to %u", options->found_slots - 1);
	if (error == IVSH_EINVAL)
		return ivsh_host_fail(host, error,
		    "the name is not printable or has more than 31 characters, or the slot is not"
		    " the server's");
	if (error == IVSH_EPART)
		return ivsh_host_fail(host, error,
		    "the part of slot %u is missing, or is none of this region", options->slot);
	if (error == IVSH_EBUSY)
		return ivsh_host_fail(host, error, "a living peer holds the slot");
	if (error == IVSH_ENODEV)
		return ivsh_host_fail(host, error, "nobody has formatted the memory");
	return ivsh_host_fail(host, error, "%s", ivsh_error_text(error));
}

/* Make host->block at least (size) bytes. The node is closed. */
static int block_grow(struct ivsh_host *host, uint64_t size)
{
	if (host->block_size >= size)
		return 0;
	free(host->block);
	host->block_size = 0;
	host->block = (size_t)size == size ? malloc((size_t)size) : NULL;
	if (!host->block)
		return ivsh_host_fail(host, IVSH_ENOSPC, "out of memory");
	host->block_size = size;
	return 0;
}

static int node_open(struct ivsh_host *host, struct ivsh_node_options *options)
{
	const struct ivsh_mem *mem = &host->clients[host->turn].mem;
	uint64_t size;
	int error = ivsh_node_size(mem, 0, &size);

	/* Of what is wrong with the memory, opening the node says more. */
	error = block_grow(host, (error ? IVSH_NODE_MEMORY : size) + INBOX);
	if (error)
		return error;
	error = ivsh_node_open(&host->node, host->block, host->block_size, mem, options);
	/* Another peer has formatted the memory meanwhile, in another way. */
	if (error == IVSH_ENOSPC && options->need_block) {
		error = block_grow(host, options->need_block + INBOX);
		if (error)
			return error;
		error = ivsh_node_open(&host->node, host->block, host->block_size, mem, options);
	}
	if (!error)
		return 0;
	host->node = NULL;
	return explain(host, error, options);
}

/* Where the node is now: the file, and the slot of it. */
static void home_set(struct ivsh_host *host)
{
	const struct ivsh_client *client = &host->clients[host->turn];
	struct stat st;

	host->home = (struct host_home){.slot = IVSH_SELF_NONE};
	/* Of a split region, the own part: each slot has a common memory of its own. */
	if (fstat(
		client->mem.split ? ivsh_client_parts_fd(client, host->node->self) : client->memory,
		&st))
		return;
	host->home = (struct host_home){
	    st.st_dev, st.st_ino, host->node->region.format_id, host->node->self, st.st_nlink != 0};
}

int ivsh_host_attach(struct ivsh_host *host, uint64_t timeout_ns)
{
	struct ivsh_node_options options = {
	    .name = host->name, .flags = host->flags & 0xffffu, .timeout_ns = timeout_ns};
	int error;

	options.slot = host->own;
	if (host->own != IVSH_SELF_NONE)
		options.flags |= IVSH_NODE_SLOT;
	error = node_open(host, &options);
	if (error)
		return error;
	home_set(host);
	for (uint32_t i = 0; i < host->offer_count; i++)
		if (ivsh_node_offer(host->node, host->offers[i].name, host->offers[i].port)) {
			/* It is as many and as good names as before; a lost slot shows later. */
		}
	host->attaches++;
	ivsh_host_metrics_attach(host);
	return ivsh_host_watch_add(host);
}

void ivsh_host_leave(struct ivsh_host *host, bool has_slot)
{
	ivsh_host_streams_end(host);
	if (host->node && has_slot)
		ivsh_node_close(host->node);
	host->node = NULL;
	ivsh_host_metrics_leave(host);
	if (!host->is_open)
		return;
	/* A child shares the epoll set with its parent, which goes on. */
	if (has_slot)
		ivsh_host_watch_remove(host);
	ivsh_client_close(&host->clients[host->turn]);
	host->is_open = false;
}
