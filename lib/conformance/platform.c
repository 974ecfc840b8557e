/* SPDX-License-Identifier: MIT */
/*
 * platform.c - a platform as a whole: from its calls to the notifications of an open device.
 */
#include "conformance/check.h"

#include <ivsh/device.h>

#include <stddef.h>

#define INTERRUPTS_MOST 320u /* that one run takes and gives back: more than small machines have */

/* The calls about time and sleep, as the core makes them: the same with another context. */
static struct ivsh_doorbell clock_of(const struct ivsh_platform *platform)
{
	return (struct ivsh_doorbell){
	    .ctx = platform->ctx,
	    .now_ns = platform->now_ns,
	    .sleep = platform->sleep,
	    .count = platform->count,
	};
}

/* Take (wanted) interrupts, and give them back. Answers how many there were. */
static uint32_t take(const struct ivsh_platform *platform, uint32_t function, uint32_t wanted)
{
	uint32_t got = 0, data;
	uint64_t address;

	while (
	    got < wanted && platform->msi_open(platform->ctx, function, got, &address, &data) == 0)
		got++;
	for (uint32_t i = got; i > 0; i--)
		platform->msi_close(platform->ctx, function, i - 1);
	return got;
}

/* Again and again there are as many as at first. The device, which is closed, sends none. */
static void check_again(
    struct run *run, const struct ivsh_platform *platform, uint32_t function, uint32_t interrupts)
{
	uint32_t taken = 0, got = interrupts;

	ivsh_check_begins(run, P3_4_AGAIN);
	for (; got == interrupts && taken < INTERRUPTS_MOST; taken += interrupts)
		got = take(platform, function, interrupts);
	ivsh_check_holds(
	    run, P3_4_AGAIN, got == interrupts, "interrupts are left", got, interrupts);
}

/* What an open device adds. */
static void check_device(struct run *run, const struct ivsh_platform *platform, uint32_t function)
{
	const char *why = "the platform has no interrupts";
	struct ivsh_device device;
	struct ivsh_mem mem;
	uint32_t interrupts = 0;

	if (ivsh_device_open(&device, platform, function) == 0) {
		if (!device.doorbell)
			why = "the device is an ivshmem-plain";
		else if (platform->msi_open == NULL)
			;
		else if (ivsh_device_interrupts(&device, IVSH_DEVICE_VECTORS) != 0)
			why = "MSI-X cannot be enabled";
		else if (device.interrupts == 0)
			why = "no interrupt is left";
		interrupts = device.interrupts;
		ivsh_device_mem(&device, &mem);
	} else {
		why = WHY_NEEDS;
	}
	if (interrupts != 0)
		ivsh_check_doorbell(run, &mem, P3_2_MESSAGE, P3_3_EACH);
	else
		ivsh_skip_doorbell(run, P3_2_MESSAGE, P3_3_EACH, why);
	ivsh_device_close(&device);
	if (interrupts != 0)
		check_again(run, platform, function, interrupts);
	else
		ivsh_check_skips(run, P3_4_AGAIN, why);
}

/* Without a device: what is left to check, and why there is none. */
static void without_device(struct run *run, const struct ivsh_platform *platform)
{
	const char *why = "the machine has no such ivshmem device";
	uint32_t host = platform->config_read(platform->ctx, 0, 0);

	if (host != UINT32_MAX && host >> 16 == 0)
		ivsh_check_breaks(run, P1_2_READ, "is the ID of the host bridge", host, UINT32_MAX);
	else
		ivsh_check_skips(run, P1_2_READ, why);
	ivsh_check_skips(run, P1_1_ABSENT, why);
	ivsh_check_skips(run, P1_3_WRITE, why);
	ivsh_skip_map(run, why);
	ivsh_skip_doorbell(run, P3_2_MESSAGE, P3_3_EACH, why);
	ivsh_check_skips(run, P3_4_AGAIN, why);
}

int ivsh_conformance_platform(
    struct ivsh_conformance *check, const struct ivsh_platform *platform, uint32_t index)
{
	const struct ivsh_doorbell clock = clock_of(platform);
	struct run run = ivsh_check_begin(check);
	uint32_t function;
	bool both = (platform->msi_open == NULL) == (platform->msi_close == NULL);

	if (check->report == NULL)
		return IVSH_EINVAL;
	if (!ivsh_check_holds(&run, D6_1_CALLS,
		platform->config_read != NULL && platform->config_write != NULL &&
		    platform->map != NULL && platform->now_ns != NULL && platform->sleep != NULL &&
		    platform->count != NULL,
		"a call is missing", 0, 0))
		return ivsh_check_end(&run);
	if (!ivsh_check_holds(&run, P3_1_BOTH, both, "one of them is NULL", 0, 0))
		return ivsh_check_end(&run);
	ivsh_check_time(&run, &clock);
	ivsh_check_sleep(&run, &clock, platform->msi_open != NULL);
	ivsh_check_list(&run, platform);
	ivsh_check_values(&run, platform);
	if (ivsh_device_find(platform, index, &function) != 0) {
		int error;

		without_device(&run, platform);
		error = ivsh_check_end(&run);
		return error != 0 ? error : IVSH_ENODEV;
	}
	ivsh_check_config(&run, platform, function);
	if ((run.unusable >> P1_3_WRITE & 1) != 0)
		ivsh_skip_map(&run, WHY_NEEDS);
	else
		ivsh_check_map(&run, platform, &clock, function);
	if ((run.unusable >> P2_1_REGISTERS & 1) == 0) {
		check_device(&run, platform, function);
	} else {
		ivsh_skip_doorbell(&run, P3_2_MESSAGE, P3_3_EACH, WHY_NEEDS);
		ivsh_check_skips(&run, P3_4_AGAIN, WHY_NEEDS);
	}
	return ivsh_check_end(&run);
}
