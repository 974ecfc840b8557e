/* SPDX-License-Identifier: MIT */
/*
 * sleeper.c - the least program that opens the device, and sleeps until an interrupt: it is linked
 * and measured, but never started. As poller.c.
 */
#include <ivsh/channel.h>
#include <ivsh/device.h>
#include <ivsh/wait.h>

int sleep_forever(const struct ivsh_platform *platform, void *buffer, uint32_t size);

int sleep_forever(const struct ivsh_platform *platform, void *buffer, uint32_t size)
{
	static struct ivsh_device device;
	static struct ivsh_region region;
	static struct ivsh_chan chan;
	static struct ivsh_record records[IVSH_FIT_DESCS];
	struct ivsh_attach attach = {.nonce = 1};
	struct ivsh_message message;
	struct ivsh_mem mem;
	uint32_t function, events;
	int error = ivsh_device_find(platform, 0, &function);

	if (!error)
		error = ivsh_device_open(&device, platform, function);
	if (!error)
		error = ivsh_device_interrupts(&device, 1);
	ivsh_device_mem(&device, &mem);
	if (!error)
		error = ivsh_region_attach(&region, &mem, &attach);
	if (!error)
		error = ivsh_chan_open(&chan, &region, 1 - mem.self, records, IVSH_FIT_DESCS);
	while (!error || error == IVSH_EAGAIN) {
		error = ivsh_chan_send(&chan, 1, buffer, size);
		if (!error || error == IVSH_EAGAIN)
			error = ivsh_chan_receive(&chan, &message, buffer, size);
		if (error == IVSH_EAGAIN)
			error =
			    ivsh_region_wait(&region, &(struct ivsh_wait){0}, UINT64_MAX, &events);
	}
	ivsh_chan_close(&chan);
	ivsh_region_detach(&region);
	ivsh_device_close(&device);
	return error;
}
