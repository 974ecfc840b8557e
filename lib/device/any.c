/* SPDX-License-Identifier: MIT */
/*
 * any.c - from a platform to the transport handle, in one call.
 */
#include <ivsh/device.h>

int ivsh_device_open_any(struct ivsh_device *device, const struct ivsh_platform *platform,
    uint32_t index, struct ivsh_mem *mem)
{
	uint32_t function;
	int error = ivsh_device_find(platform, index, &function);

	if (!error)
		error = ivsh_device_open(device, platform, function);
	if (error)
		return error;
	if (ivsh_device_interrupts(device, IVSH_DEVICE_VECTORS)) {
		/* Everything is as before: this peer polls. */
	}
	ivsh_device_mem(device, mem);
	return 0;
}
