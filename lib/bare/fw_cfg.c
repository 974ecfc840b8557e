/* SPDX-License-Identifier: MIT */
/*
 * fw_cfg.c - the files that QEMU gives to a guest.
 *
 * QEMU has all of this machine's memory anyway, so it is trusted more than a peer. Yet no loop is
 * longer than a constant, and no name is read beyond its field.
 */
#include "bare/fw_cfg.h"

#include <stddef.h>

#define DIRECTORY 0x0019u /* FW_CFG_FILE_DIR */
#define ENTRIES_MAX 256u  /* QEMU has fewer than 40; more are not looked at */

#define CONTROL_ERROR 0x01u
#define CONTROL_READ 0x02u
#define CONTROL_SKIP 0x04u
#define CONTROL_SELECT 0x08u
#define CONTROL_WRITE 0x10u
#define CONTROL_SELECTOR_SHIFT 16
#define CONTROL_READS 100000u /* until an operation counts as failed */

/* FWCfgDmaAccess, big-endian. */
struct access {
	uint32_t control;
	uint32_t length;
	uint64_t address;
};

/* FWCfgFile, big-endian. */
struct entry {
	uint32_t size;
	uint16_t selector;
	uint16_t reserved;
	char name[BARE_FW_CFG_NAME];
};
_Static_assert(sizeof(struct entry) == 64, "docs/specs/fw_cfg.rst, File Directory");

/* One operation. The device writes control back: 0, or the error bit. */
static bool transfer(
    const struct bare_fw_cfg *cfg, uint32_t control, const void *bytes, uint32_t length)
{
	static volatile struct access access;

	access.length = __builtin_bswap32(length);
	access.address = __builtin_bswap64((uint64_t)(uintptr_t)bytes);
	access.control = __builtin_bswap32(control);
	cfg->start((uint64_t)(uintptr_t)&access);
	for (uint32_t i = 0; i < CONTROL_READS; i++) {
		uint32_t now = __builtin_bswap32(access.control);

		if (now == 0) {
			/* What was read is in memory before the word that says so. */
			__atomic_thread_fence(__ATOMIC_ACQUIRE);
			return true;
		}
		if ((now & CONTROL_ERROR) != 0)
			return false;
	}
	return false;
}

/* Read (size) bytes of (selector) from (offset) on. */
static bool read_at(
    const struct bare_fw_cfg *cfg, uint16_t selector, uint32_t offset, void *bytes, uint32_t size)
{
	uint32_t select = (uint32_t)selector << CONTROL_SELECTOR_SHIFT | CONTROL_SELECT;

	if (offset == 0)
		return transfer(cfg, select | CONTROL_READ, bytes, size);
	return transfer(cfg, select | CONTROL_SKIP, NULL, offset) &&
	       transfer(cfg, CONTROL_READ, bytes, size);
}

static bool is_named(const struct entry *entry, const char *name)
{
	for (uint32_t i = 0; i < BARE_FW_CFG_NAME; i++) {
		if (entry->name[i] != name[i])
			return false;
		if (name[i] == '\0')
			return true;
	}
	return false;
}

/* Whether the directory's entry (index) is the file (name), which *file then is. */
static bool look_up(
    const struct bare_fw_cfg *cfg, uint32_t index, const char *name, struct bare_fw_cfg_file *file)
{
	static struct entry entry;
	uint32_t offset = (uint32_t)(sizeof(uint32_t) + index * sizeof(entry));

	if (!read_at(cfg, DIRECTORY, offset, &entry, sizeof(entry)) || !is_named(&entry, name))
		return false;
	file->index = index;
	file->size = __builtin_bswap32(entry.size);
	file->selector = __builtin_bswap16(entry.selector);
	return true;
}

bool bare_fw_cfg_find(
    const struct bare_fw_cfg *cfg, const char *name, struct bare_fw_cfg_file *file)
{
	static uint32_t count;

	if (!read_at(cfg, DIRECTORY, 0, &count, sizeof(count)))
		return false;
	count = __builtin_bswap32(count);
	for (uint32_t i = 0; i < count && i < ENTRIES_MAX; i++)
		if (look_up(cfg, i, name, file))
			return true;
	return false;
}

bool bare_fw_cfg_is_same(
    const struct bare_fw_cfg *cfg, const char *name, const struct bare_fw_cfg_file *file)
{
	struct bare_fw_cfg_file now;

	return look_up(cfg, file->index, name, &now) && now.size == file->size &&
	       now.selector == file->selector;
}

bool bare_fw_cfg_read(const struct bare_fw_cfg *cfg, const struct bare_fw_cfg_file *file,
    uint32_t offset, void *bytes, uint32_t size)
{
	return read_at(cfg, file->selector, offset, bytes, size);
}

bool bare_fw_cfg_write(const struct bare_fw_cfg *cfg, const struct bare_fw_cfg_file *file,
    const void *bytes, uint32_t size)
{
	uint32_t control = (uint32_t)file->selector << CONTROL_SELECTOR_SHIFT;

	return transfer(cfg, control | CONTROL_SELECT | CONTROL_WRITE, bytes, size);
}
