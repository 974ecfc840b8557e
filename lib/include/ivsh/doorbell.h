/* SPDX-License-Identifier: MIT */
/*
 * doorbell.h - how this peer notifies another, reads the time, and sleeps.
 *
 * One struct of calls. lib/device fills it for guests, and the host client for processes. Where no
 * interrupt can come, vectors is 0: the library then polls, and no peer notifies it.
 */
#ifndef IVSH_DOORBELL_H
#define IVSH_DOORBELL_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct ivsh_doorbell {
	void *ctx;        /* handed to every call below */
	uint32_t vectors; /* vectors that can wake this peer: 0 to 2048; 0 means that it polls */

	/*
	 * Notify peer (peer) by its vector (vector). Returns at once, whether the peer is there
	 * or not (ivshmem Device Specification, "Interrupts"). The peer names the vector, and may
	 * lie: any value can come, and one that it has not is ignored. NULL when there is no
	 * doorbell at all.
	 */
	void (*notify)(void *ctx, uint32_t peer, uint32_t vector);

	/* Notifications received since the transport was opened, of all vectors, modulo 2^32. */
	uint32_t (*count)(void *ctx);

	/* A clock that never goes back, in nanoseconds; its zero is anywhere. */
	uint64_t (*now_ns)(void *ctx);

	/*
	 * Sleep until a notification or until now_ns() reaches (deadline_ns), and give the
	 * processor away meanwhile. Returns at once when count() differs from (seen) or the
	 * deadline has passed; may return early for no reason.
	 */
	void (*sleep)(void *ctx, uint32_t seen, uint64_t deadline_ns);

	/* Called between two polls of a spinning loop: pause, yield, or nothing. */
	void (*relax)(void *ctx);

	/*
	 * Check the device, when the memory reads as another's or the machine was moved: enable its
	 * interrupts anew, and answer this peer's slot as the device has it now in *self. 0, or
	 * IVSH_ENODEV: the device is gone. NULL: there is nothing to check.
	 */
	int (*recheck)(void *ctx, uint32_t *self);
};

#ifdef __cplusplus
}
#endif
#endif
