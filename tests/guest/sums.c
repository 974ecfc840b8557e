/* SPDX-License-Identifier: MIT */
/*
 * sums.c - a guest at the other end of tests/host/looper.c, or of a socket of the host.
 */
#include "tests/guest/sums.h"

#include "bare/arch.h"
#include "tests/host/sums.h"

#include <ivsh/connection.h>
#include <ivsh/device.h>
#include <ivsh/node.h>
#include <ivsh/set.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static uint8_t block[IVSH_NODE_MEMORY], buffer[1u << 18], piece[32768], back[32768];
static struct ivsh_device device;
static struct ivsh_set_device devices[8];
static struct ivsh_mem_part parts[8];
static struct ivsh_set set = {.devices = devices, .parts = parts, .room = 8};

static int node_open(struct ivsh_node **node, const char *name)
{
	struct ivsh_node_options options = {.name = name};
	struct ivsh_pci_windows windows;
	struct ivsh_mem mem;
	int error;

	arch_pci_windows(&windows);
	error = ivsh_pci_assign(arch_platform(), &windows);
	/* A split region, where there is one. */
	if (!error)
		error = ivsh_set_open_any(&set, arch_platform(), 0, &mem);
	if (error == IVSH_ENODEV)
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

/*
 * Connect to the service "door", write (bytes), and add up what comes back
 * meanwhile: neither side has room for all.
 */
static int dial(struct ivsh_node *node, uint64_t bytes)
{
	static struct ivsh_conns all;
	static struct ivsh_conn conn;
	struct sums out = {0}, in = {0};
	uint32_t at = 0, size = 0, got = 1, some, peer;
	bool is_finished = false;
	uint16_t port;
	int error = ivsh_node_find_service(node, "door", &peer, &port, IVSH_FOREVER);

	ivsh_conns_begin(&all, node);
	if (!error)
		error = ivsh_conn_open(&all, &conn, peer, port, buffer, sizeof(buffer));
	if (!error)
		error = ivsh_conn_wait(&conn, IVSH_FOREVER);
	while (!error && got != 0) {
		if (at == size && bytes) {
			size = bytes < sizeof(piece) ? (uint32_t)bytes : sizeof(piece);
			sums_make(&out, piece, size);
			bytes -= size;
			at = 0;
		}
		some = 0;
		if (at < size)
			error =
			    ivsh_node_stream_write(&conn.stream, piece + at, size - at, &some, 0);
		at += some;
		if (at == size && bytes == 0 && !is_finished) {
			error = ivsh_node_stream_finish(&conn.stream, IVSH_FOREVER);
			is_finished = true;
		}
		if (error && error != IVSH_EAGAIN)
			break;
		error = ivsh_node_stream_read(&conn.stream, back, sizeof(back), &got, 0);
		if (!error)
			sums_add(&in, back, got);
		if (error == IVSH_EAGAIN) {
			got = 1;
			error = some ? 0 : ivsh_node_wait(node, UINT64_C(10000000), NULL);
		}
	}
	printf("sums: out %" PRIu64 " %016" PRIx64 " in %" PRIu64 " %016" PRIx64 ": %s\n",
	    out.bytes, out.high, in.bytes, in.high, error ? ivsh_error_text(error) : "done");
	ivsh_conn_close(&conn);
	ivsh_conns_end(&all);
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

/* Ask (name) for (bytes), and take them. */
static int pull(struct ivsh_node *node, const char *name, uint64_t bytes)
{
	struct ivsh_node_stream stream;
	struct sums sums = {0};
	uint32_t peer, got = 1;
	int error = ivsh_node_find(node, name, &peer, IVSH_FOREVER);

	if (!error)
		error = ivsh_node_send(node, peer, SUMS_ASK, &bytes, sizeof(bytes), IVSH_FOREVER);
	if (!error)
		error =
		    ivsh_node_stream_open(node, &stream, peer, SUMS_STREAM, buffer, sizeof(buffer));
	while (!error && got) {
		error = ivsh_node_stream_read(&stream, piece, sizeof(piece), &got, IVSH_FOREVER);
		if (!error)
			sums_add(&sums, piece, got);
	}
	if (!error)
		error = ivsh_node_stream_finish(&stream, IVSH_FOREVER);
	if (!error)
		ivsh_node_stream_close(&stream);
	printf("sums: %" PRIu64 " %016" PRIx64 ": %s\n", sums.bytes, sums.high,
	    error ? ivsh_error_text(error) : "done");
	if (!error)
		ivsh_node_close(node);
	return error != 0;
}

int sums_run(int argc, char **argv)
{
	struct ivsh_node_message m;
	struct ivsh_node_stream stream;
	struct ivsh_node *node;
	struct sums sums = {0};
	uint64_t bytes;
	int error = node_open(&node, argc > 1 ? argv[1] : "server");

	if (!error && argc > 4)
		return pull(node, argv[3], strtoull(argv[4], NULL, 10));
	if (!error)
		error = ivsh_node_receive(node, &m, &bytes, sizeof(bytes), IVSH_FOREVER);
	if (!error && bytes >> 63) {
		error = dial(node, bytes << 1 >> 1);
		if (!error)
			ivsh_node_close(node);
		return error != 0;
	}
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
