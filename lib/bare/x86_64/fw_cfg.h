/* SPDX-License-Identifier: MIT */
/*
 * fw_cfg.h - QEMU's fw_cfg device by I/O ports. For bare metal and UEFI.
 */
#ifndef X86_FW_CFG_H
#define X86_FW_CFG_H

#include "bare/fw_cfg.h"

/* NULL: this machine has none, or one without DMA. Reads two ports, and writes none. */
const struct bare_fw_cfg *x86_fw_cfg(void);

#endif
