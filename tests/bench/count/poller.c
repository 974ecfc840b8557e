/* SPDX-License-Identifier: MIT */
/*
 * poller.c - the least program that sends and receives by polling: it is linked and measured, but
 * never started. tests/bench/counts.sh measures the parts of libivsh.a that the linker takes for
 * it.
 */
#include <ivsh/channel.h>

int poll_forever(const struct ivsh_mem *mem, void *buffer, uint32_t size);

int poll_forever(const struct ivsh_mem *mem, void *buffer, uint32_t size)
{
	static struct ivsh_region region;
	static struct ivsh_chan chan;
	static struct ivsh_record records[IVSH_FIT_DESCS];
	struct ivsh_attach attach = {.nonce = 1};
	struct ivsh_message message;
	int error = ivsh_region_attach(&region, mem, &attach);

	if (!error)
		error = ivsh_chan_open(&chan, &region, 1 - mem->self, records, IVSH_FIT_DESCS);
	while (!error || error == IVSH_EAGAIN) {
		error = ivsh_chan_send(&chan, 1, buffer, size);
		if (!error || error == IVSH_EAGAIN)
			error = ivsh_chan_receive(&chan, &message, buffer, size);
	}
	ivsh_chan_close(&chan);
	ivsh_region_detach(&region);
	return error;
}
