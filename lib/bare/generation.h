/* SPDX-License-Identifier: MIT */
/*
 * generation.h - the VM generation of a QEMU machine without an OS: platform.h, vm_generation. For
 * bare metal and UEFI.
 *
 * Three sources are mixed into one word of 8 bytes, which the library loads:
 *
 *	the first half of the GUID of QEMU's vmgenid device (QEMU, docs/specs/vmgenid.txt): QEMU
 *	    writes all of it to memory before the machine runs on;
 *	an event of the machine, on x86_64 the bit of vmgenid in GPE0_STS: QEMU sets it also where
 *	    the GUID stays the same, as after a loadvm in one QEMU;
 *	the text of -fw_cfg name=opt/ivsh/generation,string=TEXT, on every machine that has fw_cfg:
 *	    who starts the destination of a migration, or restores a snapshot, gives another text.
 *	    The source needs one too.
 *
 * If there is a GUID, the word is its first half itself, edited: so QEMU changes the word also
 * where it writes the GUID that it had, as after a loadvm in one QEMU. What is polled edits it,
 * too.
 */
#ifndef BARE_GENERATION_H
#define BARE_GENERATION_H

#include "bare/fw_cfg.h"

#include <stdbool.h>
#include <stdint.h>

/* How old the last poll may be: while the program runs, and after a halt of the processor. */
#define BARE_GENERATION_RUNNING_NS UINT64_C(10000000)
#define BARE_GENERATION_HALTED_NS UINT64_C(1000000)

struct bare_generation_source {
	const struct bare_fw_cfg *fw_cfg; /* NULL: none, and no VM generation */
	/* Map (size) bytes of RAM at (address). NULL: they cannot be mapped. */
	void *(*map)(uint64_t address, uint64_t size);
	/* Whether the machine was moved since the last call. NULL: nothing says so. */
	bool (*event)(void);
	uint64_t (*random)(void);
	/*
	 * Whether the program's memory is its own until the machine is reset. So QEMU can be given
	 * a buffer in it for the GUID, where firmware has reserved none.
	 */
	bool owns_memory;
};

/* Find what this machine has. Once; (source) is not needed afterwards. */
void bare_generation_open(const struct bare_generation_source *source);

/* The word. NULL: this machine has no source of it. */
const uint64_t *bare_generation(void);

/* The second half of the GUID, which identifies the machine. 0: there is none. */
uint64_t bare_generation_identity(void);

/* Give the GUID back as QEMU wrote it, for who has the machine next. */
void bare_generation_close(void);

extern struct bare_generation_state {
	uint64_t *word;     /* always one */
	uint64_t known;     /* its value when the sources were polled last, */
	uint64_t polled_ns; /* and when that was */
} bare_generation_state;

void bare_generation_poll(uint64_t now_ns);

/*
 * The same, and the text is read however lately that was. Where the memory of a device is mapped:
 * it may have been plugged in just behind a move, which must not be found after the attach, as a
 * move of a region in use: that would count as a loss of messages.
 */
void bare_generation_poll_all(uint64_t now_ns);

/* Poll the sources if QEMU has changed the word, or if that was not done for (age_ns). */
static inline void bare_generation_refresh(uint64_t now_ns, uint64_t age_ns)
{
	const struct bare_generation_state *state = &bare_generation_state;

	if (*(volatile uint64_t *)state->word != state->known ||
	    now_ns - state->polled_ns >= age_ns)
		bare_generation_poll(now_ns);
}

#endif
