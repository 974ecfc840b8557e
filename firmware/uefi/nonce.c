/* SPDX-License-Identifier: MIT */
/*
 * nonce.c - a number that differs from one start to the next.
 */
#include "uefi/nonce.h"
#include "uefi/machine.h"

#include "bare/arch.h"
#include "bare/generation.h"
#include "bare/mix.h"

static EFI_SYSTEM_TABLE *table;

void nonce_open(EFI_SYSTEM_TABLE *system)
{
	table = system;
}

/* EFI_RNG_PROTOCOL (UEFI Specification 2.10, 37.5), which OVMF has over virtio-rng; otherwise 0. */
static uint64_t random_number(void)
{
	EFI_GUID guid = EFI_RNG_PROTOCOL_GUID;
	EFI_RNG_PROTOCOL *rng;
	uint64_t random = 0;
	void *found;

	if (EFI_ERROR(table->BootServices->LocateProtocol(&guid, NULL, &found)))
		return 0;
	rng = found;
	if (EFI_ERROR(rng->GetRNG(rng, NULL, sizeof(random), (UINT8 *)&random)))
		return 0;
	return random;
}

/* Seconds, more or less: each second has a number of its own. 0: the firmware has no clock. */
static uint64_t date(void)
{
	EFI_TIME time;
	uint64_t days;

	if (EFI_ERROR(table->RuntimeServices->GetTime(&time, NULL)))
		return 0;
	days = ((uint64_t)time.Year * 12 + time.Month) * 31 + time.Day;
	return ((days * 24 + time.Hour) * 60 + time.Minute) * 60 + time.Second;
}

uint64_t arch_nonce(void)
{
	const uint64_t *generation = bare_generation();
	uint64_t moved = generation != NULL ? *(const volatile uint64_t *)generation : 0;

	return machine_random(random_number() ^ bare_mix(date() ^ bare_mix(moved)));
}
