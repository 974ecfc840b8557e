/* SPDX-License-Identifier: MIT */
/*
 * fw_cfg.h - the files that QEMU gives to a guest (QEMU, docs/specs/fw_cfg.rst), read and written
 * by its DMA interface. For bare metal and UEFI.
 *
 * The machine gives the accessor: x86_64/fw_cfg.c has I/O ports, other machines have registers in
 * memory. Addresses are physical: memory is mapped to itself. All numbers of the device are
 * big-endian.
 */
#ifndef BARE_FW_CFG_H
#define BARE_FW_CFG_H

#include <stdbool.h>
#include <stdint.h>

/* What the address register reads as, in both its halves: "QEMU CFG". */
#define BARE_FW_CFG_SIGNATURE UINT64_C(0x51454d5520434647)

#define BARE_FW_CFG_NAME 56 /* bytes of a name in the directory, with its NUL */

struct bare_fw_cfg {
	/*
	 * Write (address) to the DMA address register, high half first. QEMU has transferred the
	 * bytes when the write returns.
	 */
	void (*start)(uint64_t address);
};

/* A file, as the directory has it. (index) is its entry, which another QEMU may have elsewhere. */
struct bare_fw_cfg_file {
	uint32_t index, size;
	uint16_t selector;
};

/* Find the file (name). False: there is none. */
bool bare_fw_cfg_find(
    const struct bare_fw_cfg *cfg, const char *name, struct bare_fw_cfg_file *file);

/*
 * Whether (file) is still what it was when bare_fw_cfg_find() answered it: a machine that was
 * migrated has the files of the QEMU where it is now.
 */
bool bare_fw_cfg_is_same(
    const struct bare_fw_cfg *cfg, const char *name, const struct bare_fw_cfg_file *file);

/* Read (size) bytes from (offset) on; what is beyond the file's end reads as 0. False: an error. */
bool bare_fw_cfg_read(const struct bare_fw_cfg *cfg, const struct bare_fw_cfg_file *file,
    uint32_t offset, void *bytes, uint32_t size);

/* Write the first (size) bytes. False: the file cannot be written. */
bool bare_fw_cfg_write(const struct bare_fw_cfg *cfg, const struct bare_fw_cfg_file *file,
    const void *bytes, uint32_t size);

#endif
