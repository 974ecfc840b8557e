/* SPDX-License-Identifier: MIT */
/* nonce.c - a number that differs from one start to the next. */
#include "uefi/nonce.h"

/* Spread every bit of (x) over all of the answer: the last step of splitmix64. */
static uint64_t mix(uint64_t x)
{
	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	return x ^ x >> 31;
}

/*
 * EFI_RNG_PROTOCOL, where there is one (UEFI Specification 2.10, 37.5; OVMF has it over
 * virtio-rng). And in any case the time of day, which tells days apart, and the time stamp
 * counter, which tells two machines apart that were started in the same second of one host.
 */
uint64_t nonce_make(EFI_SYSTEM_TABLE *system)
{
	EFI_GUID guid = EFI_RNG_PROTOCOL_GUID;
	uint64_t random = 0, date = 0;
	uint32_t low, high;
	EFI_TIME time;
	void *found;

	if (!EFI_ERROR(system->BootServices->LocateProtocol(&guid, NULL, &found))) {
		EFI_RNG_PROTOCOL *rng = found;

		if (EFI_ERROR(rng->GetRNG(rng, NULL, sizeof(random), (UINT8 *)&random)))
			random = 0;
	}
	if (!EFI_ERROR(system->RuntimeServices->GetTime(&time, NULL)))
		date =
		    (((((uint64_t)time.Year * 12 + time.Month) * 31 + time.Day) * 24 + time.Hour) *
			    60 +
			time.Minute) *
			60 +
		    time.Second;
	__asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
	return mix(random ^ mix(date ^ mix((uint64_t)high << 32 | low)));
}
