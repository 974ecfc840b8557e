/* SPDX-License-Identifier: MIT */
/*
 * sizes.h - numbers as users write them.
 */
#ifndef SIZES_H
#define SIZES_H

#include <stdint.h>

#define SIZES_LEAST UINT64_C(4096)     /* QEMU takes no less than a page of the host for BAR2 */
#define SIZES_MOST (UINT64_C(1) << 40) /* what common machines can still place for a BAR */

/*
 * Read a size: decimal digits, then nothing or one of K, M, G, T (powers of 1024).
 *
 * NULL and *size, from 1 to SIZES_MOST; or what is wrong with the text, as a phrase.
 */
const char *sizes_parse(const char *text, uint64_t *size);

/*
 * Read a size as QEMU does, qemu_strtosz() in util/cutils.c: blanks and a + before it, then 0x and
 * hexadecimal digits; or digits, with a fraction or without, and one of B, K, M, G, T, P, E.
 *
 * As sizes_parse().
 */
const char *sizes_parse_qemu(const char *text, uint64_t *size);

/*
 * The least power of two that is at least (size) and at least SIZES_LEAST; (size) up to
 * SIZES_MOST.
 */
uint64_t sizes_round(uint64_t size);

/* Read a count: decimal digits, (least) to (most). NULL and *count, or what is wrong. */
const char *sizes_count(const char *text, uint32_t least, uint32_t most, uint32_t *count);

/* Read a mode, as chmod(1) takes it: octal digits, 0 to 0777. NULL and *mode, or what is wrong. */
const char *sizes_mode(const char *text, uint32_t *mode);

/* Read the size of a huge page: a size, and a power of two. NULL and *page, or what is wrong. */
const char *sizes_page(const char *text, uint64_t *page);

#endif
