/* SPDX-License-Identifier: MIT */
/*
 * generation.c - the VM generation of a QEMU machine without an OS.
 */
#include "bare/generation.h"

#include <stddef.h>

#define ADDRESS_FILE "etc/vmgenid_addr" /* where the GUID is in memory; little-endian */
#define GUID_FILE "etc/vmgenid_guid"
#define GUID_OFFSET 40u /* QEMU, include/hw/acpi/vmgenid.h: VMGENID_GUID_OFFSET */
#define GUID_BYTES 16u

#define TEXT_FILE "opt/ivsh/generation"
#define TEXT_BYTES 64u /* the first ones, which count */
/* A reading takes three operations: 2.4 us in all, a look at the event 0.2 us (QEMU 7.2, TCG). */
#define TEXT_NS UINT64_C(20000000)

static uint64_t own_word; /* of a machine without a GUID */

struct bare_generation_state bare_generation_state = {.word = &own_word};

static struct bare_generation_source machine;
static uint64_t own[2];   /* the GUID, where no firmware has reserved memory for it */
static uint64_t *guid;    /* NULL: this machine has none */
static uint64_t original; /* its first half as QEMU wrote it */

static struct {
	bool exists;
	struct bare_fw_cfg_file file;
	uint64_t hash;
	uint64_t read_ns;
} text;

/* --- The GUID --------------------------------------------------------------------------------- */

/* Have QEMU write the GUID to memory of the program. It does so from the next change on. */
static uint64_t *guid_in_own_memory(const struct bare_fw_cfg_file *address_file)
{
	uint64_t address = (uint64_t)(uintptr_t)own;
	struct bare_fw_cfg_file file;

	if (!machine.owns_memory || !bare_fw_cfg_find(machine.fw_cfg, GUID_FILE, &file) ||
	    !bare_fw_cfg_read(machine.fw_cfg, &file, GUID_OFFSET, own, GUID_BYTES) ||
	    !bare_fw_cfg_write(machine.fw_cfg, address_file, &address, sizeof(address)))
		return NULL;
	return own;
}

/* QEMU takes the low half of the address alone. */
static uint64_t *find_guid(void)
{
	static uint64_t address;
	struct bare_fw_cfg_file file;

	if (!bare_fw_cfg_find(machine.fw_cfg, ADDRESS_FILE, &file) ||
	    !bare_fw_cfg_read(machine.fw_cfg, &file, 0, &address, sizeof(address)))
		return NULL;
	if ((uint32_t)address == 0)
		return guid_in_own_memory(&file);
	if (address % sizeof(*guid) != 0)
		return NULL;
	return machine.map((uint32_t)address, GUID_BYTES);
}

/* --- The text --------------------------------------------------------------------------------- */

/* FNV-1a, of the text as this QEMU has it, which may have none. */
static uint64_t text_hash(void)
{
	static uint8_t bytes[TEXT_BYTES];
	uint64_t hash = UINT64_C(0xcbf29ce484222325);

	if (!bare_fw_cfg_is_same(machine.fw_cfg, TEXT_FILE, &text.file) &&
	    !bare_fw_cfg_find(machine.fw_cfg, TEXT_FILE, &text.file))
		return 0;
	if (!bare_fw_cfg_read(machine.fw_cfg, &text.file, 0, bytes, sizeof(bytes)))
		return 0;
	for (uint32_t i = 0; i < TEXT_BYTES; i++)
		hash = (hash ^ bytes[i]) * UINT64_C(0x100000001b3);
	return hash;
}

static bool text_has_changed(void)
{
	uint64_t hash = text_hash();
	bool changed = hash != text.hash;

	text.hash = hash;
	return changed;
}

/* --- All three -------------------------------------------------------------------------------- */

static void set_word(uint64_t value)
{
	*(volatile uint64_t *)bare_generation_state.word = value;
	bare_generation_state.known = value;
}

/*
 * Nobody has loaded the word yet: what has happened so far is no change. The GUID is edited now,
 * and each time that QEMU has written it: it must differ from what QEMU will write next.
 */
void bare_generation_open(const struct bare_generation_source *source)
{
	machine = *source;
	guid = NULL;
	text.exists = false;
	bare_generation_state.word = &own_word;
	if (machine.fw_cfg != NULL) {
		if (machine.event != NULL)
			machine.event();
		guid = find_guid();
		text.exists = bare_fw_cfg_find(machine.fw_cfg, TEXT_FILE, &text.file);
	}
	if (guid != NULL) {
		bare_generation_state.word = guid;
		original = *guid;
	}
	if (text.exists)
		text.hash = text_hash();
	if (bare_generation() != NULL)
		set_word(*bare_generation_state.word ^ (machine.random() | 1));
}

void bare_generation_close(void)
{
	if (guid != NULL && *(volatile uint64_t *)guid == bare_generation_state.known)
		*(volatile uint64_t *)guid = original;
	guid = NULL;
	text.exists = false;
	bare_generation_state.word = &own_word;
	bare_generation_state.known = own_word;
}

const uint64_t *bare_generation(void)
{
	return guid != NULL || text.exists ? bare_generation_state.word : NULL;
}

uint64_t bare_generation_identity(void)
{
	return guid != NULL ? guid[1] : 0;
}

/*
 * The word as it is, and whether the event was set. QEMU changes both while the processor stands
 * still, which it may do between any two instructions. So all that one move leaves is found in one
 * poll, and the word is edited once.
 */
static bool look(uint64_t *value)
{
	const volatile uint64_t *word = bare_generation_state.word;
	bool event = false;

	do {
		*value = *word;
		event |= machine.event != NULL && machine.event();
	} while (*word != *value);
	return event;
}

void bare_generation_poll_all(uint64_t now_ns)
{
	text.read_ns = now_ns - TEXT_NS;
	bare_generation_poll(now_ns);
}

void bare_generation_poll(uint64_t now_ns)
{
	uint64_t value;
	bool moved;

	bare_generation_state.polled_ns = now_ns;
	if (bare_generation() == NULL)
		return;
	moved = look(&value);
	if (value != bare_generation_state.known) {
		original = value;
		moved = true;
	}
	if (text.exists && (moved || now_ns - text.read_ns >= TEXT_NS)) {
		text.read_ns = now_ns;
		moved |= text_has_changed();
	}
	if (moved)
		set_word(value ^ (machine.random() | 1));
}
