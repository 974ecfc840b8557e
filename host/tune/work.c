/* SPDX-License-Identifier: MIT */
/*
 * work.c - what is measured: messages between two processes, by the library's own code.
 *
 * Both sides poll, and copy each message in and out. A message is sent from a buffer that was made
 * before: one that is written just before the copy makes the processor wait for its own stores.
 */
#include "tune/work.h"

#include "device/relax.h"
#include "process/clock.h"

#include <ivsh/channel.h>

#include <string.h>

uint8_t work_in[WORK_SIZE_MOST], work_out[WORK_SIZE_MOST];

/* One process's end. */
struct end {
	struct ivsh_region region;
	struct ivsh_chan chan;
	struct ivsh_record records[IVSH_FIT_DESCS];
	struct ivsh_message batch[WORK_TOGETHER];
	struct ivsh_message received[WORK_TOGETHER];
	uint32_t size;
	int error; /* the first one */
};

static uint64_t now_ns(void *ctx)
{
	(void)ctx;
	return clock_now_ns();
}

static uint32_t count_none(void *ctx)
{
	(void)ctx;
	return 0;
}

static void sleep_never(void *ctx, uint32_t seen, uint64_t deadline_ns)
{
	(void)ctx;
	(void)seen;
	(void)deadline_ns;
}

/* Whether to go on: after IVSH_EAGAIN in a moment. */
static bool goes_on(struct end *end, int error)
{
	if (error == IVSH_EAGAIN)
		relax_processor();
	else if (error)
		end->error = error;
	return end->error == 0;
}

static void put(struct end *end, uint32_t count)
{
	while (count > 0) {
		int error = ivsh_chan_send(&end->chan, 1, work_out, end->size);

		count -= error == 0;
		if (!goes_on(end, error))
			return;
	}
}

static void take(struct end *end, uint32_t count)
{
	while (count > 0) {
		struct ivsh_message message;
		int error = ivsh_chan_receive(&end->chan, &message, work_in, sizeof(work_in));

		count -= error == 0;
		if (!goes_on(end, error))
			return;
	}
}

static void put_together(struct end *end, uint32_t count)
{
	for (uint32_t done = 0; done < count;) {
		uint32_t next = done % WORK_TOGETHER, sent = 0;
		int error = ivsh_chan_send_batch(
		    &end->chan, end->batch + next, WORK_TOGETHER - next, &sent);

		done += sent;
		if (!goes_on(end, error))
			return;
	}
}

static void take_together(struct end *end, uint32_t count)
{
	for (uint32_t done = 0; done < count;) {
		uint32_t next = done % WORK_TOGETHER, got = 0;
		int error = ivsh_chan_receive_batch(&end->chan, end->received, WORK_TOGETHER - next,
		    work_in + (size_t)next * end->size, (WORK_TOGETHER - next) * end->size, &got);

		done += got;
		if (!goes_on(end, error))
			return;
	}
}

static void roundtrips(struct end *end, uint32_t side, uint32_t count)
{
	for (uint32_t i = 0; i < count && !end->error; i++) {
		if (side == 0)
			put(end, 1);
		take(end, 1);
		if (side == 1)
			put(end, 1);
	}
}

static void messages(struct end *end, enum work_kind kind, uint32_t side, uint32_t count)
{
	if (kind == WORK_ROUNDTRIP)
		roundtrips(end, side, count);
	else if (kind == WORK_STREAM)
		(side == 0 ? put : take)(end, count);
	else
		(side == 0 ? put_together : take_together)(end, count);
}

bool work_measures(const struct work *work, uint32_t side)
{
	return side == (work->kind == WORK_ROUNDTRIP ? 0 : 1);
}

void work_prepare(void)
{
	for (uint32_t i = 0; i < sizeof(work_out); i++)
		work_out[i] = (uint8_t)(i * 7 + i / 251);
}

/* Bytes of the last message, or batch. */
static uint32_t last_bytes(const struct work *work)
{
	return work->size * (work->kind == WORK_BATCH ? WORK_TOGETHER : 1);
}

static int open_end(struct end *end, const struct work *work, const struct work_side *side)
{
	struct ivsh_mem mem = {
	    .base = side->memory,
	    .size = side->bytes,
	    .self = side->side,
	    .doorbell = {.count = count_none, .now_ns = now_ns, .sleep = sleep_never},
	};
	/* As most programs attach. */
	struct ivsh_attach attach = {.nonce = side->side + 1,
	    .restart = ivsh_attach_restart,
	    .counters = ivsh_attach_counters};
	int error = ivsh_region_attach(&end->region, &mem, &attach);

	end->size = work->size;
	for (uint32_t i = 0; work->kind == WORK_BATCH && i < WORK_TOGETHER; i++)
		end->batch[i] = (struct ivsh_message){
		    .data = work_out + (size_t)i * work->size, .size = work->size, .port = 1};
	return error ? error
		     : ivsh_chan_open(
			   &end->chan, &end->region, 1 - side->side, end->records, IVSH_FIT_DESCS);
}

const char *work_run(const struct work *work, struct work_side *side)
{
	static struct end end;
	bool measures = work_measures(work, side->side);
	uint64_t start;

	end.error = open_end(&end, work, side);
	if (!end.error)
		messages(&end, work->kind, side->side, side->warm);
	start = clock_now_ns();
	if (!end.error)
		messages(&end, work->kind, side->side, side->count);
	side->ns = (double)(clock_now_ns() - start) / side->count;
	if (end.error)
		return ivsh_error_text(end.error);
	if (measures && memcmp(work_in, work_out, last_bytes(work)) != 0)
		return "a message did not arrive as it was sent";
	return NULL;
}
