/* SPDX-License-Identifier: MIT */
/*
 * streamer.c - the least program that reads and writes a stream of bytes by polling: it is linked
 * and measured, but never started. As poller.c.
 */
#include <ivsh/stream.h>

int stream_forever(const struct ivsh_mem *mem, void *data, uint32_t size);

int stream_forever(const struct ivsh_mem *mem, void *data, uint32_t size)
{
	static struct ivsh_region region;
	static struct ivsh_chan chan;
	static struct ivsh_record records[IVSH_FIT_DESCS];
	static struct ivsh_stream stream;
	static uint8_t buffer[4096];
	struct ivsh_attach attach = {.nonce = 1};
	uint32_t moved;
	int error = ivsh_region_attach(&region, mem, &attach);

	if (!error)
		error = ivsh_chan_open(&chan, &region, 1 - mem->self, records, IVSH_FIT_DESCS);
	if (!error)
		error = ivsh_stream_open(&stream, &chan, 1, buffer, sizeof(buffer));
	while (!error || error == IVSH_EAGAIN) {
		error = ivsh_stream_write(&stream, data, size, &moved);
		if (!error || error == IVSH_EAGAIN)
			error = ivsh_stream_read(&stream, data, size, &moved);
	}
	ivsh_stream_close(&stream);
	ivsh_chan_close(&chan);
	ivsh_region_detach(&region);
	return error;
}
