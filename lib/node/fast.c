/* SPDX-License-Identifier: MIT */
/*
 * fast.c - sending and receiving 8 bytes on the fast path, as send.c and receive.c of the core do.
 *
 * The only file of this room that knows the core from inside. It reads the channel's own state, and
 * of shared memory what ivsh_chan_send() and ivsh_chan_receive() would read, once. All else, errors
 * included, is left to the slow path, which begins anew.
 */
#include "core/fastpath.h"
#include "node/inside.h"

/* Whether a payload of (size) bytes, more than 8, goes its fast path on (ch). */
static bool is_room(const struct ivsh_chan *ch, uint32_t size)
{
	uint32_t i = size > ch->tx.small_max ? IVSH_AREA_LARGE : IVSH_AREA_SMALL;

	return size <= ch->tx.area[i].left;
}

int ivsh_node_send(struct ivsh_node *node, uint32_t peer, uint16_t port, const void *data,
    uint32_t size, uint64_t timeout_ns)
{
	struct ivsh_region *region = &node->region;
	struct ivsh_wire_slot *slot = region->slot;
	struct ivsh_chan *ch;
	uint32_t index;

	if (peer >= node->slots)
		return ivsh_node_send_slow(node, peer, port, data, size, timeout_ns);
	ch = &node->chans[peer];
	index = ch->tx.head;
	if (index == ch->tx.credit_end || !slot_is_mine(region, slot))
		return ivsh_node_send_slow(node, peer, port, data, size, timeout_ns);
	if (size != sizeof(uint64_t))
		return is_room(ch, size)
			   ? ivsh_chan_send(ch, port, data, size)
			   : ivsh_node_send_slow(node, peer, port, data, size, timeout_ns);
	sender_store(ch, index, control_make(port, IVSH_WIRE_KIND_INLINE, sizeof(uint64_t)),
	    copy_load(data));
	return sender_accepted(ch, region, slot, index, 1);
}

/* The message in the near channel is not 8 bytes, or the credit is used up. */
static __attribute__((__noinline__)) int receive_any(struct ivsh_node *node,
    struct ivsh_node_message *message, void *buffer, uint32_t capacity, uint64_t timeout_ns)
{
	struct ivsh_chan *ch = node->near;
	int error = ivsh_chan_receive(ch, &message->message, buffer, capacity);

	if (error != 0 || message->message.port == IVSH_PORT_CALL)
		return ivsh_node_receive_slow(node, message, buffer, capacity, timeout_ns, error);
	/* A turn counts messages: the read index stays where it is up to a packed record's last. */
	if (ch->rx.frames != 0)
		node->near_end--;
	near_check(node);
	message->peer = ch->peer;
	message->request = 0;
	return 0;
}

int ivsh_node_receive(struct ivsh_node *node, struct ivsh_node_message *message, void *buffer,
    uint32_t capacity, uint64_t timeout_ns)
{
	struct ivsh_chan *ch = node->near;
	uint32_t index = ch->rx.read;
	const struct ivsh_wire_desc *desc;
	struct ivsh_region *region;
	struct ivsh_wire_slot *slot;
	uint64_t control, body;

	if (index == node->near_end)
		return ivsh_node_receive_slow(
		    node, message, buffer, capacity, timeout_ns, IVSH_EAGAIN);
	if (index == ch->rx.credit_end)
		return receive_any(node, message, buffer, capacity, timeout_ns);
	/* Fetch both lines from the sender's cache at the same time. */
	__builtin_prefetch(ch->rx.next);
	/* Only a channel that is open has descriptors. */
	desc = &ch->rx.desc[index & ch->mask];
	control = descriptor_load(desc) ^ ch->rx.wrap;
	if (control_form(control) != sizeof(body) || capacity < sizeof(body))
		return receive_any(node, message, buffer, capacity, timeout_ns);
	body = load64(&desc->body);
	__builtin_memcpy(buffer, &body, sizeof(body));
	message->data = buffer;
	message_fill(&message->message, control);
	message->peer = ch->peer;
	message->request = 0;
	region = ch->region;
	slot = region->slot;
	/* Behind the copy: the machine was moved, or the slot lost. The wait goes on. */
	fence_acquire();
	if (!slot_is_mine(region, slot))
		return ivsh_node_receive_slow(
		    node, message, buffer, capacity, timeout_ns, IVSH_EAGAIN);
	ch->rx.read++;
	return receiver_counted(ch, region, slot, 1);
}
