/* SPDX-License-Identifier: MIT */
/*
 * output.h - what goes to stdout.
 */
#ifndef APP_OUTPUT_H
#define APP_OUTPUT_H

#include <stdint.h>

/*
 * Write out what is buffered. 0, or the exit status if it cannot be: STATUS_FAILED after a line on
 * stderr; or, silently, STATUS_PIPE when nobody reads any more.
 */
int output_flush(void);

/* Print a stranger's bytes: what is not printable ASCII becomes a dot. */
void output_text(const uint8_t *bytes, uint32_t size);

#endif
