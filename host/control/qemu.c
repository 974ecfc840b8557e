/* SPDX-License-Identifier: MIT */
/*
 * qemu.c - the device as options of qemu-system.
 */
#include "control/lend.h"
#include "control/write.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* (path) within a list of QEMU's options, where a comma is written twice: qemu-system(1). */
static char *qemu_escape(const char *path)
{
	char *escaped = malloc(2 * strlen(path) + 1);
	char *to = escaped;

	if (!escaped)
		abort(); /* a path's length: there is no memory for anything */
	for (; *path; path++) {
		if (*path == ',')
			*to++ = ',';
		*to++ = *path;
	}
	*to = '\0';
	return escaped;
}

/* (before)PATH(after) as one word for the shell. */
static void qemu_word(FILE *out, const char *before, const char *path, const char *after)
{
	char *escaped = qemu_escape(path);
	size_t size = strlen(before) + strlen(escaped) + strlen(after) + 1;
	char *word = malloc(size);

	if (!word)
		abort();
	snprintf(word, size, "%s%s%s", before, escaped, after);
	write_shell(out, word);
	free(word);
	free(escaped);
}

void qemu_doorbell(FILE *out, const struct lend *lend)
{
	fputs("-chardev ", out);
	qemu_word(out, "socket,id=ivsh,path=", lend->socket, "");
	fprintf(out, " -device ivshmem-doorbell,chardev=ivsh,vectors=%" PRIu64 "\n",
	    lend->answer->vectors);
}

void qemu_plain(FILE *out, const struct lend *lend)
{
	char size[32];

	snprintf(size, sizeof size, ",size=%" PRIu64, lend->answer->size);
	fputs("-object ", out);
	qemu_word(out, "memory-backend-file,id=ivsh,share=on,mem-path=", lend->answer->path, size);
	fputs(" -device ivshmem-plain,memdev=ivsh\n", out);
}
