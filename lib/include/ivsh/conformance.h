/* SPDX-License-Identifier: MIT */
/*
 * conformance.h - whether a platform, or a transport, keeps its contract.
 *
 * For whoever brings the library to a system: call it once, from a program of its own, and read
 * which clauses are broken. A clause has a number in the header that states it: P in platform.h, D
 * in doorbell.h, M in mem.h, S in mapped.h. What has no number there cannot be checked from inside:
 * that stores reach the memory before a doorbell, what happens in an interrupt, and each duty of
 * the library. A clock that is too fast, or too slow by less than a hundred times, may pass; a
 * mapping that reaches the same BAR of another ivshmem device, and two vectors whose messages are
 * exchanged, do pass.
 *
 * The checks take about three seconds, and up to four more on a machine whose clock has just begun
 * at 0: it has to pass 2^32 ns. They need a machine that nobody else uses: no other peer
 * notifies this one meanwhile, and none exchanges messages through the memory. They store to the
 * last 4096 bytes of it, and put back what was there.
 *
 * libivsh-conformance.a is an archive of its own, beside libivsh.a, which it calls.
 */
#ifndef IVSH_CONFORMANCE_H
#define IVSH_CONFORMANCE_H

#include <ivsh/error.h>
#include <ivsh/mapped.h>
#include <ivsh/mem.h>
#include <ivsh/platform.h>

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum ivsh_conformance_state {
	/*
	 * The check of this clause begins. A machine that crashes or hangs now, before the next
	 * result, breaks this clause.
	 */
	IVSH_CONFORMANCE_BEGINS = 0,
	IVSH_CONFORMANCE_KEPT = 1,
	IVSH_CONFORMANCE_BROKEN = 2,
	IVSH_CONFORMANCE_SKIPPED = 3, /* it cannot be checked here: (what) says why */
};

/* What is known of one clause. The texts are constant. */
struct ivsh_conformance_result {
	enum ivsh_conformance_state state;
	const char *clause; /* "D3.5" */
	const char *text;   /* what it demands: "a notification ends a sleep" */
	const char *what;   /* BROKEN: what was seen; SKIPPED: why; else NULL */

	/*
	 * BROKEN: the number that stands before (what), and the one that was wanted, or the most
	 * or the least that the contract allows. The same in both: there is none.
	 */
	uint64_t got, want;
};

/* How a page table, or what else decides, has the processor access an address. */
enum ivsh_conformance_cache {
	IVSH_CACHE_UNKNOWN = 0,
	IVSH_CACHE_WRITE_BACK = 1,
	IVSH_CACHE_OTHER = 2, /* uncached, device memory, write-combining, write-through */
};

/* One run. The caller sets the first part, and zeroes the second. */
struct ivsh_conformance {
	void *ctx; /* first argument of both calls; the library does not interpret it */

	/*
	 * Takes each result, in the caller's thread. A clause has two: that its check begins, and
	 * how it ended; one that is skipped, or that is broken by the result of another check, has
	 * only the second.
	 */
	void (*report)(void *ctx, const struct ivsh_conformance_result *result);

	/*
	 * How (address) is cached. NULL: unknown everywhere. Then only the time of a load can show
	 * that the memory is not write-back; an emulator hides that, and the clause is skipped if
	 * the time shows nothing.
	 */
	enum ivsh_conformance_cache (*cache)(void *ctx, const volatile void *address);

	uint64_t late_ns; /* how late a sleep may end, in nanoseconds; 0: 20 ms */
	uint32_t vectors; /* vectors that the server serves this peer; 0: unknown, 1 is checked */

	/* Counted by the library: clauses, each once. */
	uint32_t kept, broken, skipped;
};

/*
 * Check a platform by the (index)th ivshmem device of its machine, counted from 0: PCI
 * configuration space, mappings, interrupts, time, sleep, and the memory itself.
 *
 * The device must be closed, and must have addresses (ivsh_pci_assign()); it is closed afterwards.
 * A clause that needs one which is broken is skipped. An ivshmem-plain, or a platform without
 * interrupts, skips what needs a notification.
 *
 * From one thread that may sleep, not from an interrupt.
 *
 * 0: no clause is broken, though some may be skipped (check->skipped).
 *
 * IVSH_ENODEV     no clause is broken, and there is no such device, or the platform does not find
 *                 it: only time, sleep and list were checked. Give the machine one.
 * IVSH_EPLATFORM  a clause is broken, or more: check->broken, and what report() was given.
 * IVSH_EINVAL     check->report is NULL.
 */
int ivsh_conformance_platform(struct ivsh_conformance *check, const struct ivsh_platform *platform,
    uint32_t index) IVSH_MUST_CHECK;

/*
 * Check an open transport, whatever made it: a host's client, ivsh_device_mem(), or
 * ivsh_mapped_mem(). The memory is not attached to meanwhile, and need not be formatted.
 *
 * As ivsh_conformance_platform() otherwise.
 */
int ivsh_conformance_mem(
    struct ivsh_conformance *check, const struct ivsh_mem *mem) IVSH_MUST_CHECK;

/*
 * Check what a system that owns PCI fills in: the registers, ivsh_mapped_mem(), and the transport
 * that it makes, as ivsh_conformance_mem().
 *
 * As ivsh_conformance_platform() otherwise.
 */
int ivsh_conformance_mapped(
    struct ivsh_conformance *check, const struct ivsh_mapped *mapped) IVSH_MUST_CHECK;

#ifdef __cplusplus
}
#endif
#endif
