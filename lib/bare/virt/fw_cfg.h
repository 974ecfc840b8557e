/* SPDX-License-Identifier: MIT */
/*
 * fw_cfg.h - QEMU's fw_cfg device by registers in memory. For bare metal and UEFI.
 */
#ifndef VIRT_FW_CFG_H
#define VIRT_FW_CFG_H

#include "bare/fw_cfg.h"

#define VIRT_FW_CFG_BYTES 24u /* of registers: the node qemu,fw-cfg-mmio of the device tree */

/* NULL: no such device is at (registers), which are mapped, or it is one without DMA. */
const struct bare_fw_cfg *virt_fw_cfg(volatile void *registers);

#endif
