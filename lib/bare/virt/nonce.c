/* SPDX-License-Identifier: MIT */
/*
 * nonce.c - a number that differs from one start to the next.
 *
 * QEMU writes 32 random bytes to /chosen/rng-seed at each start and each reset, unless -machine
 * dtb-randomness=off. The processor's counter starts at 0 with the machine under TCG, so it alone
 * would not do.
 */
#include "bare/arch.h"
#include "bare/generation.h"
#include "bare/mix.h"
#include "bare/virt/virt.h"

uint64_t arch_nonce(void)
{
	const uint64_t *generation = bare_generation();
	uint32_t chosen = bare_dtb_path(virt_dtb(), "/chosen");
	static uint64_t count; /* two calls may see the same counter */
	struct bare_dtb_value seed = {0};
	uint64_t nonce = bare_mix(virt_random() ^ bare_mix(++count));

	if (generation != NULL)
		nonce = bare_mix(nonce ^ *(const volatile uint64_t *)generation);
	if (chosen != 0)
		bare_dtb_property(virt_dtb(), chosen, "rng-seed", &seed);
	for (uint32_t i = 0; i + 2 <= seed.size / 4; i += 2)
		nonce = bare_mix(nonce ^ bare_dtb_cells(&seed, i, 2));
	return nonce;
}
