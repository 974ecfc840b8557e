/* SPDX-License-Identifier: MIT */
/*
 * talker.c - two peers in one process, that send and receive what they are told: for
 * test_capture.py.
 *
 * usage: talker FILE; it reads commands, one a line, and answers each with a number: of messages,
 * or an error. Both peers move only on command, so a test decides what is in flight when.
 *
 *   open SLOT               attach, and open the channel to the other slot
 *   claim SLOT              the same, as a peer without a server does it
 *   close SLOT              detach
 *   send SLOT PORT SIZE N   up to N messages until the ring is full; size 0: mixed sizes
 *   batch SLOT PORT SIZE N  the same by ivsh_chan_send_batch()
 *   raw SLOT PORT HEX       one message of these bytes
 *   receive SLOT N          up to N messages
 *   pass SLOT PORT SIZE N   N messages, sent and received in turn, at full rate
 *   reset SLOT              reset the broken channel's rings, or both
 *
 * Message number n, from 0, has words of 8 bytes: word j is n * A + j * B, modulo 2^64.
 */
#include <ivsh/channel.h>
#include <ivsh/client.h>
#include <ivsh/wait.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define WORD_A UINT64_C(0x9e3779b97f4a7c15)
#define WORD_B UINT64_C(0xc2b2ae3d27d4eb4f)
#define MOST 65536u
#define BATCH 128u
#define BATCH_SIZE 512u /* of a message */
#define LIMIT_NS UINT64_C(5000000000)

static const uint32_t sizes[] = {0, 1, 7, 8, 9, 24, 64, 65, 200, 1000, 1024, 3000, 20000};

static struct peer {
	struct ivsh_client client;
	struct ivsh_region region;
	struct ivsh_chan chan;
	struct ivsh_record *records;
} peers[2];
static uint64_t number; /* of the next message */
static uint64_t words[MOST / 8 * 2];

static uint64_t nonce(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return ((uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec) ^ (uint64_t)getpid() << 40;
}

static int open_peer(const char *path, uint32_t slot, bool claims)
{
	struct peer *p = &peers[slot];
	struct ivsh_attach attach = {.name = slot ? "one" : "zero",
	    .nonce = nonce(),
	    .timeout_ns = LIMIT_NS,
	    .claim = claims ? ivsh_attach_claim : NULL,
	    .restart = ivsh_attach_restart,
	    .counters = ivsh_attach_counters};
	int error = ivsh_client_open_file(&p->client, path, slot);

	if (!error)
		error = ivsh_region_attach(&p->region, &p->client.mem, &attach);
	if (error)
		return error;
	free(p->records);
	p->records = calloc(p->region.geometry.descs, sizeof(p->records[0]));
	return p->records ? ivsh_chan_open(
				&p->chan, &p->region, !slot, p->records, p->region.geometry.descs)
			  : IVSH_ENOSPC;
}

static int close_peer(uint32_t slot)
{
	ivsh_chan_close(&peers[slot].chan);
	ivsh_region_detach(&peers[slot].region);
	ivsh_client_close(&peers[slot].client);
	return 0;
}

static void fill(uint64_t *to, uint64_t n, uint32_t size)
{
	for (uint32_t j = 0; j * 8 < size; j++)
		to[j] = n * WORD_A + j * WORD_B;
}

static int send(uint32_t slot, uint16_t port, uint32_t size, uint32_t count)
{
	uint32_t n = 0;

	for (; n < count; n++) {
		uint32_t bytes = size ? size : sizes[number % (sizeof(sizes) / sizeof(sizes[0]))];
		int error;

		fill(words, number, bytes);
		error = ivsh_chan_send(&peers[slot].chan, port, words, bytes);
		if (error)
			return n ? (int)n : error;
		number++;
	}
	return (int)n;
}

static int batch(uint32_t slot, uint16_t port, uint32_t size, uint32_t count)
{
	struct ivsh_message messages[BATCH];
	uint32_t n = 0, sent;

	while (n < count) {
		uint32_t some = count - n < BATCH ? count - n : BATCH;
		int error;

		for (uint32_t i = 0; i < some; i++) {
			uint64_t *at = words + i * (BATCH_SIZE / 8);

			fill(at, number + i, size);
			messages[i] = (struct ivsh_message){.data = at, .size = size, .port = port};
		}
		error = ivsh_chan_send_batch(&peers[slot].chan, messages, some, &sent);
		n += sent;
		number += sent;
		if (error)
			return n ? (int)n : error;
	}
	return (int)n;
}

static int raw(uint32_t slot, uint16_t port, const char *hex)
{
	uint8_t bytes[256];
	uint32_t size = 0;
	unsigned byte;

	while (size < sizeof(bytes) && sscanf(hex + 2 * (size_t)size, "%2x", &byte) == 1)
		bytes[size++] = (uint8_t)byte;
	return ivsh_chan_send(&peers[slot].chan, port, bytes, size);
}

static int receive(uint32_t slot, uint32_t count)
{
	const struct ivsh_wait wait = {.mode = IVSH_WAIT_POLL};
	struct ivsh_message m;
	uint32_t n = 0, events;
	int error = 0;

	for (; n < count && !error; n += !error)
		error = ivsh_chan_receive(&peers[slot].chan, &m, words, sizeof(words));
	/* A wait publishes the read index. SPEC R8.5. */
	if (!error || error == IVSH_EAGAIN)
		error = ivsh_region_wait(&peers[slot].region, &wait, 0, &events);
	return n == 0 && error ? error : (int)n;
}

static int pass(uint32_t slot, uint16_t port, uint32_t size, uint32_t count)
{
	uint32_t n = 0;

	while (n < count) {
		int sent = send(slot, port, size, count - n < 64 ? count - n : 64);

		if (sent < 0)
			return sent;
		if (receive(!slot, (uint32_t)sent) != sent)
			return IVSH_EPROTO;
		n += (uint32_t)sent;
	}
	return (int)n;
}

static int command(const char *path, const char *line)
{
	char verb[16], hex[600];
	unsigned slot, port, size, count;

	if (sscanf(line, "open %u", &slot) == 1)
		return open_peer(path, slot & 1, false);
	if (sscanf(line, "claim %u", &slot) == 1)
		return open_peer(path, slot & 1, true);
	if (sscanf(line, "close %u", &slot) == 1)
		return close_peer(slot & 1);
	if (sscanf(line, "reset %u", &slot) == 1)
		return ivsh_chan_reset(&peers[slot & 1].chan);
	if (sscanf(line, "receive %u %u", &slot, &count) == 2)
		return receive(slot & 1, count);
	if (sscanf(line, "raw %u %u %599s", &slot, &port, hex) == 3)
		return raw(slot & 1, (uint16_t)port, hex);
	if (sscanf(line, "%15s %u %u %u %u", verb, &slot, &port, &size, &count) == 5) {
		if (strcmp(verb, "send") == 0)
			return send(slot & 1, (uint16_t)port, size, count);
		if (strcmp(verb, "batch") == 0 && size <= BATCH_SIZE)
			return batch(slot & 1, (uint16_t)port, size, count);
		if (strcmp(verb, "pass") == 0)
			return pass(slot & 1, (uint16_t)port, size, count);
	}
	fprintf(stderr, "talker: %s: no such command\n", line);
	exit(2);
}

int main(int argc, char **argv)
{
	char line[700];

	if (argc != 2)
		return 2;
	while (fgets(line, sizeof(line), stdin)) {
		line[strcspn(line, "\n")] = '\0';
		printf("%d\n", command(argv[1], line));
		fflush(stdout);
	}
	return 0;
}
