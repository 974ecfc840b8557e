/* SPDX-License-Identifier: MIT */
/*
 * heap.c - the memory of malloc() and stdio, from boot services.
 *
 * The firmware gives memory in pieces, when it is needed. A piece of 256 KiB holds what most
 * commands need (stdio 3 KiB, eight channels 60 KiB); a larger request gets a piece of its own.
 * OVMF clears freed memory, which takes 7 ms for each MiB under TCG. newlib's small malloc accepts
 * pieces that are not adjacent.
 */
#include "uefi/heap.h"

#include "bare/arch.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PIECE_SIZE (UINT32_C(1) << 18)
#define PIECE_ALIGN 16u

struct piece {
	struct piece *next;
	size_t size; /* bytes, with this struct */
};
_Static_assert(sizeof(struct piece) % PIECE_ALIGN == 0, "what is behind it is aligned");

static struct {
	EFI_BOOT_SERVICES *services;
	struct piece *pieces; /* the last one first */
	size_t used;          /* bytes of the last one */
} heap;

/* Take a piece of at least (size) bytes. */
static EFI_STATUS piece_take(size_t size)
{
	EFI_PHYSICAL_ADDRESS base;
	struct piece *piece;
	EFI_STATUS status;

	size = (size + EFI_PAGE_SIZE - 1) / EFI_PAGE_SIZE * EFI_PAGE_SIZE;
	status = heap.services->AllocatePages(
	    AllocateAnyPages, EfiLoaderData, size / EFI_PAGE_SIZE, &base);
	if (EFI_ERROR(status))
		return status;
	piece = (struct piece *)(uintptr_t)base;
	*piece = (struct piece){.next = heap.pieces, .size = size};
	heap.pieces = piece;
	heap.used = sizeof(*piece);
	return EFI_SUCCESS;
}

EFI_STATUS heap_open(EFI_BOOT_SERVICES *services)
{
	heap.services = services;
	return piece_take(PIECE_SIZE);
}

void heap_close(void)
{
	while (heap.pieces) {
		struct piece *piece = heap.pieces;

		heap.pieces = piece->next;
		heap.services->FreePages(
		    (EFI_PHYSICAL_ADDRESS)(uintptr_t)piece, piece->size / EFI_PAGE_SIZE);
	}
}

/* Make room for (size) bytes, in the last piece or in a new one. False: there is none. */
static bool room_make(size_t size)
{
	size_t need = size + sizeof(struct piece);

	if (size <= heap.pieces->size - heap.used)
		return true;
	/* With little memory left, a piece of the needed size may still be had. */
	if (need < PIECE_SIZE && !EFI_ERROR(piece_take(PIECE_SIZE)))
		return true;
	return !EFI_ERROR(piece_take(need));
}

/* It never shrinks: newlib's malloc never requests that. */
void *arch_heap_grow(ptrdiff_t increment)
{
	size_t size = ((size_t)increment + PIECE_ALIGN - 1) / PIECE_ALIGN * PIECE_ALIGN;
	char *start;

	if (increment < 0 || increment > PTRDIFF_MAX / 2 || !room_make(size))
		return NULL;
	start = (char *)heap.pieces + heap.used;
	heap.used += size;
	return start;
}
