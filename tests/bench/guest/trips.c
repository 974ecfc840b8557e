/* SPDX-License-Identifier: MIT */
/*
 * trips.c - a guest that makes round trips with another one when a process tells it to, and that
 * answers those of another one: for tests/bench/guests_bridge.py.
 *
 * Between two orders it sleeps, so that it costs nothing while others are measured. For an order
 * both guests change to its way of waiting, and back behind the last message.
 */
#include "bare/arch.h"
#include "bare/newlib/bare.h"
#include "tests/bench/guest/trips.h"

#include <ivsh/ivsh.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char bare_name[] = "trips";

#define SLOTS 8u
#define IDLE_NS UINT64_C(100000000)

static struct ivsh_device device;
static struct ivsh_region region;
static struct ivsh_chan chans[SLOTS];
static struct ivsh_record records[SLOTS][IVSH_FIT_DESCS];
static struct ivsh_wait wait = {.mode = IVSH_WAIT_SLEEP, .spin_ns = 50000};
static uint8_t bytes[TRIPS_SIZE_MOST], back[TRIPS_SIZE_MOST];

static void need(int error, const char *what)
{
	if (error == 0)
		return;
	printf("FAIL: trips: %s: %s\n", what, ivsh_error_text(error));
	exit(1);
}

static void open_all(const char *name)
{
	struct ivsh_attach attach = {.restart = ivsh_attach_restart,
	    .counters = ivsh_attach_counters,
	    .name = name,
	    .nonce = arch_nonce(),
	    .timeout_ns = UINT64_C(5000000000)};
	struct ivsh_pci_windows windows;
	struct ivsh_mem mem;
	uint32_t function;

	arch_pci_windows(&windows);
	need(ivsh_pci_assign(arch_platform(), &windows), "assign");
	need(ivsh_device_find(arch_platform(), 0, &function), "find");
	need(ivsh_device_open(&device, arch_platform(), function), "open");
	need(ivsh_device_interrupts(&device, 2), "interrupts");
	ivsh_device_mem(&device, &mem);
	need(ivsh_region_attach(&region, &mem, &attach), "attach");
	for (uint32_t peer = 0; peer < SLOTS; peer++)
		if (peer != mem.self)
			need(ivsh_chan_open(
				 &chans[peer], &region, peer, records[peer], IVSH_FIT_DESCS),
			    "channel");
}

static void put(struct ivsh_chan *chan, uint16_t port, const void *data, uint32_t size)
{
	need(ivsh_chan_send(chan, port, data, size), "send");
}

/* The next message, copied to (back), and whose it is. */
static struct ivsh_chan *take(struct ivsh_message *message)
{
	struct ivsh_chan *chan;
	uint32_t events;
	int error;

	while ((error = ivsh_region_next(&region, &chan, message)) == IVSH_EAGAIN)
		need(ivsh_region_wait(&region, &wait, IDLE_NS, &events), "wait");
	/* A bridge that attaches a slot anew may start its ring over. */
	if (error == IVSH_EPROTO) {
		need(ivsh_chan_reset(chan), "reset");
		return take(message);
	}
	need(error, "next");
	need(ivsh_chan_receive(chan, message, back, sizeof(back)), "receive");
	return chan;
}

/* The same, of (chan) and with (size) bytes; all others are out of place. */
static void await(struct ivsh_chan *chan, uint16_t port, uint32_t size)
{
	struct ivsh_message message;

	if (take(&message) != chan || message.port != port || message.size != size)
		need(IVSH_EPROTO, "an answer");
}

/* Told by (from). */
static void lead(struct ivsh_chan *from, const struct trips_order *order)
{
	struct ivsh_chan *chan = &chans[order->peer];

	put(chan, TRIPS_PORT_BEGIN, order, sizeof(*order));
	await(chan, TRIPS_PORT_BEGIN, 0);
	wait.mode = (enum ivsh_wait_mode)order->mode;
	for (uint32_t i = 0; i < order->count; i++) {
		memcpy(bytes, &i, sizeof(i));
		put(chan, TRIPS_PORT_ECHO, bytes, order->size);
		await(chan, TRIPS_PORT_ECHO, order->size);
		if (memcmp(back, bytes, order->size) != 0)
			need(IVSH_EPROTO, "bytes");
	}
	wait.mode = IVSH_WAIT_SLEEP;
	put(from, TRIPS_PORT_ORDER, NULL, 0);
}

static void follow(struct ivsh_chan *from, const struct trips_order *order)
{
	put(from, TRIPS_PORT_BEGIN, NULL, 0);
	wait.mode = (enum ivsh_wait_mode)order->mode;
	for (uint32_t i = 0; i < order->count; i++) {
		await(from, TRIPS_PORT_ECHO, order->size);
		put(from, TRIPS_PORT_ECHO, back, order->size);
	}
	wait.mode = IVSH_WAIT_SLEEP;
}

/* Until it is killed. */
int main(int argc, char **argv)
{
	setvbuf(stdout, NULL, _IOLBF, 256);
	open_all(argc > 1 ? argv[1] : "trips");
	for (uint32_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)i;
	printf("trips: slot %u\n", (unsigned)region.mem.self);
	for (;;) {
		struct ivsh_message message;
		struct ivsh_chan *chan = take(&message);
		struct trips_order order;

		if (message.size != sizeof(order))
			need(IVSH_EPROTO, "an order");
		memcpy(&order, back, sizeof(order));
		if (order.peer >= SLOTS || order.size < sizeof(uint32_t) ||
		    order.size > TRIPS_SIZE_MOST)
			need(IVSH_EPROTO, "an order");
		if (message.port == TRIPS_PORT_ORDER)
			lead(chan, &order);
		else if (message.port == TRIPS_PORT_BEGIN)
			follow(chan, &order);
		else
			need(IVSH_EPROTO, "a port");
	}
}
