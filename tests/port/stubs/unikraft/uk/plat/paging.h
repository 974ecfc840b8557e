/* SPDX-License-Identifier: MIT */
/*
 * uk/plat/paging.h - what ivsh_unikraft uses of Unikraft's header of this name.
 */
#ifndef STUB_UK_PLAT_PAGING_H
#define STUB_UK_PLAT_PAGING_H

#include <uk/arch/types.h>

struct uk_pagetable;
struct ukplat_page_mapx;

struct uk_pagetable *ukplat_pt_get_active(void);
int ukplat_page_mapx(struct uk_pagetable *pt, __vaddr_t vaddr, __paddr_t paddr, unsigned long pages,
    unsigned long attr, unsigned long flags, struct ukplat_page_mapx *mapx);

/* Defined so there, too. */
#define ukplat_page_map(pt, va, pa, pages, attr, flags) \
	ukplat_page_mapx(pt, va, pa, pages, attr, flags, __NULL)

#endif
