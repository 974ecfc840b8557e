/* SPDX-License-Identifier: MIT */
/*
 * dm.h - devices of the driver model.
 */
#ifndef STUB_UBOOT_DM_H
#define STUB_UBOOT_DM_H

struct udevice;

#endif
