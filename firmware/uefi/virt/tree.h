/* SPDX-License-Identifier: MIT */
/*
 * tree.h - the machine's device tree, which has what UEFI has no protocol for.
 */
#ifndef UEFI_TREE_H
#define UEFI_TREE_H

#include "bare/dtb.h"

#include <efi.h>

/* Find the tree. Once. */
void tree_open(EFI_SYSTEM_TABLE *system);

/* NULL: the firmware shows none. */
const struct bare_dtb *tree(void);

#endif
