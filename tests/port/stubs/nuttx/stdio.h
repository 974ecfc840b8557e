/* SPDX-License-Identifier: MIT */
/*
 * stdio.h - what lib/port/nuttx uses of the header of this name.
 */
#ifndef STUB_NUTTX_STDIO_H
#define STUB_NUTTX_STDIO_H

typedef struct file_struct FILE;

FILE *lib_get_stream(int fd);
#define stdout lib_get_stream(1)
#define stderr lib_get_stream(2)

int fflush(FILE *stream);
int fputs(const char *s, FILE *stream);
int fprintf(FILE *stream, const char *format, ...) __attribute__((__format__(__printf__, 2, 3)));

#endif
