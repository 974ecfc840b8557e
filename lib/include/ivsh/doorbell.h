/* SPDX-License-Identifier: MIT */
/*
 * doorbell.h - how this peer notifies another, reads the time, and sleeps.
 *
 * One struct of calls. lib/device fills it for guests, and the host client for processes. Where no
 * interrupt can come, vectors is 0: the library then polls, and no peer notifies it.
 *
 * The library makes these calls in the thread that called it, never in an interrupt handler; an
 * interrupt may come in the middle of each. The numbers behind sentences (D1.1) are clauses, which
 * ivsh/conformance.h checks.
 */
#ifndef IVSH_DOORBELL_H
#define IVSH_DOORBELL_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct ivsh_doorbell {
	void *ctx; /* handed to every call below */

	/*
	 * Vectors that can wake this peer, from 0 on (D6.2): 0 to 2048; 0 means that it polls.
	 * now_ns, sleep and count are never NULL, nor is notify if there are vectors (D6.1).
	 */
	uint32_t vectors;

	/*
	 * Notify peer (peer) by its vector (vector), which count() of that peer counts; a peer may
	 * notify itself (D4.1). Behind all earlier stores to the memory, as the peer sees them.
	 * Returns at once, whether the peer is there or not (D4.2; ivshmem Device Specification,
	 * "Interrupts"). The peer names the vector, and may lie: any value can come, and one that
	 * it has not is ignored (D4.3). NULL when there is no doorbell at all.
	 *
	 * Does not block.
	 */
	void (*notify)(void *ctx, uint32_t peer, uint32_t vector);

	/*
	 * Notifications received since the transport was opened, of all vectors, modulo 2^32: one
	 * more for each (D2.1), and nothing else changes it (D2.2). Two that come close together
	 * may count as one, as interrupts do.
	 *
	 * Does not block. An interrupt handler may write what it reads: one that counts is enough.
	 */
	uint32_t (*count)(void *ctx);

	/*
	 * A clock that never goes back (D1.1), also from one processor to another, advances at
	 * least every 20 ms (D1.2), and counts nanoseconds (D1.3) in 64 bits (D1.4): ticks of 32
	 * bits are extended before they are multiplied. Its zero is anywhere.
	 *
	 * Does not block; called often, so it is to be quick.
	 */
	uint64_t (*now_ns)(void *ctx);

	/*
	 * Sleep until a notification or until now_ns() reaches (deadline_ns), and give the
	 * processor away meanwhile (D3.4). Returns at once when count() differs from (seen) (D3.1)
	 * or the deadline has passed (D3.2); may return early for no reason.
	 *
	 * It may return late, by a tick of the system's or two (D3.3): the library's own timeouts
	 * are longer. A notification that comes between the look at count() and the wait ends it,
	 * too (D3.5): look with interrupts off, or wait on a semaphore that the handler posts.
	 *
	 * Blocks. No lock of the caller's is held.
	 */
	void (*sleep)(void *ctx, uint32_t seen, uint64_t deadline_ns);

	/*
	 * Called between two polls of a spinning loop: pause, yield, or nothing. Does not block.
	 * May be NULL.
	 */
	void (*relax)(void *ctx);

	/*
	 * Check the device, when the memory reads as another's or the machine was moved: enable its
	 * interrupts anew, and answer this peer's slot as the device has it now in *self. 0, or
	 * IVSH_ENODEV: the device is gone. While it is there, it answers 0 and the same slot, and
	 * notifications arrive behind it (D5.1). May block. NULL: there is nothing to check.
	 */
	int (*recheck)(void *ctx, uint32_t *self);
};

#ifdef __cplusplus
}
#endif
#endif
