/* SPDX-License-Identifier: MIT */
/*
 * tree.c - the machine's device tree.
 *
 * Theory of operation. Firmware hands the tree on as a configuration table, if it has no ACPI
 * tables for the same purpose: AAVMF shows an OS one of the two, and unless QEMU is started with
 * acpi=off that is ACPI. ACPI has the addresses of fw_cfg as byte code only. But QEMU gives AAVMF
 * the tree in any case, and it stays where AAVMF's first part has put it: the list of hand-off
 * blocks (UEFI Platform Initialization Specification 1.7, volume 3, 5), a configuration table too,
 * says where, in a block with a GUID of EDK II's.
 */
#include "uefi/virt/tree.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define HOB_GUID_EXTENSION 4u
#define HOB_END 0xffffu
#define HOBS_MAX 4096u

/* EFI_HOB_GUID_TYPE, with its header, and what EDK II's gFdtHobGuid has in it. */
struct hob {
	uint16_t type;
	uint16_t size;
	uint32_t reserved;
	EFI_GUID guid;
	uint64_t address;
};

static struct bare_dtb found;
static bool has_tree;

/* The configuration table with this GUID; NULL: there is none. */
static const void *table(const EFI_SYSTEM_TABLE *system, EFI_GUID guid)
{
	for (UINTN i = 0; i < system->NumberOfTableEntries; i++)
		if (memcmp(&system->ConfigurationTable[i].VendorGuid, &guid, sizeof(guid)) == 0)
			return system->ConfigurationTable[i].VendorTable;
	return NULL;
}

/* Blocks follow each other; each is a multiple of 8 bytes. */
static const void *in_hobs(const void *list)
{
	const EFI_GUID guid = {
	    0x16958446, 0x19b7, 0x480b, {0xb0, 0x47, 0x74, 0x85, 0xad, 0x3f, 0x71, 0x6d}};
	const uint8_t *at = list;

	for (uint32_t i = 0; at != NULL && i < HOBS_MAX; i++) {
		const struct hob *hob = (const void *)at;

		if (hob->type == HOB_END || hob->size < offsetof(struct hob, guid))
			return NULL;
		if (hob->type == HOB_GUID_EXTENSION && hob->size >= sizeof(*hob) &&
		    memcmp(&hob->guid, &guid, sizeof(guid)) == 0)
			return (const void *)(uintptr_t)hob->address;
		at += hob->size;
	}
	return NULL;
}

void tree_open(EFI_SYSTEM_TABLE *system)
{
	const EFI_GUID fdt = {
	    0xb1b621d5, 0xf19c, 0x41a5, {0x83, 0x0b, 0xd9, 0x15, 0x2c, 0x69, 0xaa, 0xe0}};
	const EFI_GUID hobs = {
	    0x7739f24c, 0x93d7, 0x11d4, {0x9a, 0x3a, 0x00, 0x90, 0x27, 0x3f, 0xc1, 0x4d}};
	const void *bytes = table(system, fdt);

	if (bytes == NULL)
		bytes = in_hobs(table(system, hobs));
	has_tree = bytes != NULL && bare_dtb_open(&found, bytes);
}

const struct bare_dtb *tree(void)
{
	return has_tree ? &found : NULL;
}
