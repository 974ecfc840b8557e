/* SPDX-License-Identifier: MIT */
/*
 * qemu.c - the device as options of qemu-system.
 */
#include "control/device.h"
#include "text/escape.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* (path) as a value in a list of QEMU's options, with each comma twice: qemu-system(1). */
static char *escape_comma(const char *path)
{
	char *escaped = malloc(2 * strlen(path) + 1);
	char *to = escaped;

	if (!escaped)
		abort(); /* not even the bytes of a path can be allocated */
	for (; *path; path++) {
		if (*path == ',')
			*to++ = ',';
		*to++ = *path;
	}
	*to = '\0';
	return escaped;
}

/* Write (before), the path and (after) as one word for the shell. */
static void write_word(FILE *out, const char *before, const char *path, const char *after)
{
	char *escaped = escape_comma(path);
	size_t size = strlen(before) + strlen(escaped) + strlen(after) + 1;
	char *word = malloc(size);

	if (!word)
		abort();
	snprintf(word, size, "%s%s%s", before, escaped, after);
	escape_shell(out, word);
	free(word);
	free(escaped);
}

void qemu_doorbell(FILE *out, const struct device *device)
{
	fputs("-chardev ", out);
	write_word(out, "socket,id=ivsh,path=", device->socket, "");
	fprintf(out, " -device ivshmem-doorbell,chardev=ivsh,vectors=%" PRIu64 "\n",
	    device->answer->vectors);
}

void qemu_plain(FILE *out, const struct device *device)
{
	char size[32];

	snprintf(size, sizeof(size), ",size=%" PRIu64, device->answer->size);
	fputs("-object ", out);
	write_word(
	    out, "memory-backend-file,id=ivsh,share=on,mem-path=", device->answer->path, size);
	fputs(" -device ivshmem-plain,memdev=ivsh\n", out);
}
