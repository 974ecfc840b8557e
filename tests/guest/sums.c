/* SPDX-License-Identifier: MIT */
/*
 * sums.c - a guest at the other end of tests/host/looper.c.
 */
#include "tests/guest/sums.h"

#include "bare/arch.h"
#include "tests/host/sums.h"

#include <ivsh/device.h>
#include <ivsh/node.h>

#include <inttypes.h>
#include <stdio.h>

static uint8_t block[IVSH_NODE_MEMORY], buffer[1u << 18], piece[32768];
static struct ivsh_device device;

static int node_open(struct ivsh_node **node)
{
	struct ivsh_node_options options = {.name = "server"};
	struct ivsh_pci_windows windows;
	struct ivsh_mem mem;
	int error;

	arch_pci_windows(&windows);
	error = ivsh_pci_assign(arch_platform(), &windows);
	if (!error)
		error = ivsh_device_open_any(&device, arch_platform(), 0, &mem);
	return error ? error : ivsh_node_open(node, block, sizeof(block), &mem, &options);
}

/* Send back what comes. */
static int echo(struct ivsh_node_stream *stream, struct sums *in)
{
	uint32_t got;
	int error;

	for (;;) {
		error = ivsh_node_stream_read(stream, piece, sizeof(piece), &got, IVSH_FOREVER);
		if (error || got == 0)
			return error;
		sums_add(in, piece, got);
		error = ivsh_node_stream_write(stream, piece, got, NULL, IVSH_FOREVER);
		if (error)
			return error;
	}
}

static int make(struct ivsh_node_stream *stream, struct sums *out, uint64_t bytes)
{
	int error = 0;

	while (!error && bytes) {
		uint32_t size = bytes < sizeof(piece) ? (uint32_t)bytes : sizeof(piece);

		sums_make(out, piece, size);
		bytes -= size;
		error = ivsh_node_stream_write(stream, piece, size, NULL, IVSH_FOREVER);
	}
	return error;
}

/* The other end has read all when it ends, or leaves. */
static int end(struct ivsh_node_stream *stream)
{
	uint32_t got = 1;
	int error = ivsh_node_stream_finish(stream, IVSH_FOREVER);

	while (!error && got)
		error = ivsh_node_stream_read(stream, piece, sizeof(piece), &got, IVSH_FOREVER);
	ivsh_node_stream_close(stream);
	return error == IVSH_EPEER ? 0 : error;
}

int sums_run(void)
{
	struct ivsh_node_message m;
	struct ivsh_node_stream stream;
	struct ivsh_node *node;
	struct sums sums = {0};
	uint64_t bytes;
	int error = node_open(&node);

	if (!error)
		error = ivsh_node_receive(node, &m, &bytes, sizeof(bytes), IVSH_FOREVER);
	if (!error)
		error = ivsh_node_stream_open(
		    node, &stream, m.peer, SUMS_STREAM, buffer, sizeof(buffer));
	if (!error)
		error = bytes ? make(&stream, &sums, bytes) : echo(&stream, &sums);
	if (!error)
		error = end(&stream);
	printf("sums: %" PRIu64 " %016" PRIx64 ": %s\n", sums.bytes, sums.high,
	    error ? ivsh_error_text(error) : "done");
	if (!error)
		ivsh_node_close(node);
	return error != 0;
}
