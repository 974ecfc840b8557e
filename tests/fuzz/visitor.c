/* SPDX-License-Identifier: MIT */
/*
 * visitor.c - a client as QEMU is one.
 */
#include "tests/fuzz/visitor.h"
#include "tests/fuzz/feed.h"
#include "server/protocol.h"
#include "tests/fuzz/serving.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

uint32_t visitor_first_id;

/* The messages that bring it the parts of a split region. */
static uint32_t visitor_parts(const struct visitor *visitor)
{
	return visitor->is_ours && serving.server.state.head->split ? serving.server.slots.count
								    : 0;
}

/* A server that was killed amid what a probe is sent lets it have all again, or ends it. */
static void visitor_probe(struct visitor *visitor, int64_t value, int fd)
{
	uint32_t slot = visitor->step - PROTOCOL_PREAMBLE;
	bool is_split = serving.server.state.head->split;

	if (fd < 0 && (value == PROTOCOL_VERSION || value == PROTOCOL_REFUSAL)) {
		visitor->is_refused = value == PROTOCOL_REFUSAL;
		visitor->step = 1;
	} else if (visitor->step == 1) {
		FUZZ_MUST(fd < 0 && value == PROTOCOL_NO_ID);
		visitor->step++;
	} else if (visitor->step == 2) {
		FUZZ_MUST(value == -1 && (is_split ? serving_is_seen : serving_is_memory)(fd));
		visitor->step++;
	} else {
		FUZZ_MUST(is_split && slot < serving.server.slots.count);
		FUZZ_MUST(value == PROTOCOL_PART - (int64_t)slot && serving_is_reader(fd, slot));
		visitor->step++;
	}
}

static void visitor_part(const struct visitor *visitor, int64_t value, int fd)
{
	uint32_t slot = visitor->step - PROTOCOL_PREAMBLE;

	FUZZ_MUST(value == PROTOCOL_PART - (int64_t)slot);
	FUZZ_MUST((slot == visitor->id ? serving_is_part : serving_is_reader)(fd, slot));
}

static void visitor_others(const struct visitor *visitor, int64_t value, int fd)
{
	const struct slots *slots = &serving.server.slots;
	uint32_t at = visitor->step - PROTOCOL_PREAMBLE - visitor_parts(visitor);
	uint32_t peer = at / slots->vectors;
	uint32_t slot = peer < visitor->id ? peer : peer + 1;

	FUZZ_MUST(at < slots->count * slots->vectors);
	if (peer == slots->count - 1)
		slot = visitor->id;
	FUZZ_MUST(value == slot && serving_is_doorbell(fd, slot, at % slots->vectors));
}

static void visitor_peers(struct visitor *visitor, int64_t value, int fd)
{
	const struct slots *slots = &serving.server.slots;
	uint32_t id = (uint32_t)(value - visitor_first_id) & 65535;

	/* IDs begin again behind 65535; one that left never comes back to a client that knew it. */
	FUZZ_MUST(value >= 0 && value <= 65535 && id < VISITOR_IDS && !visitor->has_left[id]);
	if (fd < 0) {
		/* QEMU frees what it never had, or its own. */
		FUZZ_MUST(visitor->count[id] > 0 && value != visitor->id);
		visitor->has_left[id] = true;
		return;
	}
	FUZZ_MUST(visitor->count[id] < slots->vectors);
	/* The vectors of one peer come one after the other. */
	if (visitor->ids <= id)
		visitor->ids = id + 1;
	for (uint32_t i = 0; i < visitor->ids; i++)
		FUZZ_MUST(i == id || visitor->has_left[i] || visitor->count[i] == 0 ||
			  visitor->count[i] == slots->vectors);
	if (visitor->count[id] == 0) {
		uint32_t slot = 0;

		while (slot < slots->count && !serving_is_doorbell(fd, slot, 0))
			slot++;
		FUZZ_MUST(slot < slots->count);
		visitor->slot_of[id] = slot;
	}
	FUZZ_MUST(serving_is_doorbell(fd, visitor->slot_of[id], visitor->count[id]));
	visitor->count[id]++;
	visitor->has_own |= value == visitor->id;
}

static void visitor_take(struct visitor *visitor, int64_t value, int fd)
{
	const struct server *server = &serving.server;

	if (visitor->is_probe) {
		visitor_probe(visitor, value, fd);
		return;
	}
	if (visitor->step == 0) {
		FUZZ_MUST(fd < 0 && (value == PROTOCOL_VERSION || value == PROTOCOL_REFUSAL));
		visitor->is_refused = value == PROTOCOL_REFUSAL;
	} else if (visitor->is_refused) {
		FUZZ_MUST(fd < 0 && value == PROTOCOL_REFUSAL); /* again, after a kill */
	} else if (visitor->step == 1) {
		FUZZ_MUST(fd < 0 && value >= 0 && value <= 65535);
		FUZZ_MUST(server->clients.is_classic || value < server->slots.count);
		FUZZ_MUST(visitor->slot == SLOTS_NONE || value == visitor->slot);
		visitor->id = (uint32_t)value;
	} else if (visitor->step == 2) {
		FUZZ_MUST(value == -1);
		FUZZ_MUST(server->state.head->split ? serving_is_common(fd, visitor->id)
						    : serving_is_memory(fd));
	} else if (visitor->step < PROTOCOL_PREAMBLE + visitor_parts(visitor)) {
		visitor_part(visitor, value, fd);
	} else if (server->state.head->classic) {
		visitor_peers(visitor, value, fd);
	} else {
		visitor_others(visitor, value, fd);
	}
	visitor->step++;
}

static bool visitor_receive(struct visitor *visitor)
{
	unsigned char bytes[8];
	union {
		struct cmsghdr align;
		unsigned char bytes[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec io = {bytes, sizeof(bytes)};
	struct msghdr header = {.msg_iov = &io,
	    .msg_iovlen = 1,
	    .msg_control = control.bytes,
	    .msg_controllen = sizeof(control.bytes)};
	ssize_t got = recvmsg(visitor->fd, &header, MSG_DONTWAIT);
	struct cmsghdr *c;
	uint64_t value = 0;
	int fd = -1;

	if (got <= 0) {
		/* The server closes only a client that it has refused, unless the client may
		 * end. */
		if (got == 0 && !visitor->may_end)
			FUZZ_MUST(visitor->is_refused);
		visitor->is_ended |= got == 0 || errno != EAGAIN;
		return false;
	}
	/* Our programs are sent the reason behind a refusal, as text. */
	if (visitor->is_refused && (visitor->is_ours || visitor->is_probe)) {
		FUZZ_MUST(header.msg_controllen == 0);
		return true;
	}
	FUZZ_MUST(got == sizeof(bytes) && !(header.msg_flags & (MSG_CTRUNC | MSG_TRUNC)));
	c = CMSG_FIRSTHDR(&header);
	if (c)
		memcpy(&fd, CMSG_DATA(c), sizeof(fd));
	for (unsigned i = 0; i < sizeof(bytes); i++)
		value |= (uint64_t)bytes[i] << (8 * i);
	visitor_take(visitor, (int64_t)value, fd);
	if (fd >= 0)
		close(fd);
	return true;
}

uint32_t visitor_read(struct visitor *visitor, uint32_t count)
{
	uint32_t done = 0;

	while (visitor->fd >= 0 && done < count && visitor_receive(visitor))
		done++;
	return done;
}

void visitor_check(const struct visitor *visitor)
{
	const struct slots *slots = &serving.server.slots;

	FUZZ_MUST(visitor->step >= PROTOCOL_PREAMBLE);
	if (!serving.server.clients.is_classic) {
		FUZZ_MUST(visitor->step == PROTOCOL_PREAMBLE + visitor_parts(visitor) +
					       slots->count * slots->vectors);
		return;
	}
	if (slots->vectors == 0)
		return; /* peers are nothing but their vectors */
	FUZZ_MUST(visitor->has_own);
	for (uint32_t i = 0; i < VISITOR_IDS; i++) {
		bool is_known = visitor->count[i] > 0 && !visitor->has_left[i];
		bool is_there = false;

		for (uint32_t s = 0; s < slots->count && !is_there; s++)
			is_there = slots->slot[s].client != SLOTS_NONE &&
				   slots->slot[s].id == ((visitor_first_id + i) & 65535);
		FUZZ_MUST(is_known == is_there);
		FUZZ_MUST(!is_known || visitor->count[i] == slots->vectors);
	}
}
