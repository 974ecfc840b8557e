/* SPDX-License-Identifier: MIT */
/*
 * qemu.c - the device as options of qemu-system.
 */
#include "control/device.h"
#include "process/parts.h"
#include "text/escape.h"

#include <ivsh/wire.h>

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

static void write_doorbell(FILE *out, const struct device *device)
{
	fputs("-chardev ", out);
	write_word(out, "socket,id=ivsh,path=", device->socket, "");
	fprintf(out, " -device ivshmem-doorbell,chardev=ivsh,vectors=%" PRIu64,
	    device->answer->vectors);
}

void qemu_doorbell(FILE *out, const struct device *device)
{
	write_doorbell(out, device);
	fputc('\n', out);
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

/* An ivshmem-plain over the file (name) of a split region, which (key) is the ID of. */
static void write_memory(FILE *out, const struct device *device, const char *name, const char *key,
    uint64_t size, int is_own)
{
	const char *folder = device->answer->path;
	size_t room = strlen(folder) + PARTS_NAME + 2;
	char *path = malloc(room);
	char before[96], after[32];

	if (!path)
		abort();
	snprintf(path, room, "%s/%s", folder, name);
	snprintf(before, sizeof(before), "memory-backend-file,id=%s,share=on,%smem-path=", key,
	    is_own ? "" : "readonly=on,");
	snprintf(after, sizeof(after), ",size=%" PRIu64, size);
	fputs("-object ", out);
	write_word(out, before, path, after);
	fprintf(out, " -device ivshmem-plain,memdev=%s", key);
	free(path);
}

void qemu_split(FILE *out, const struct device *device, uint64_t slot, int is_plain)
{
	const struct answer *answer = device->answer;
	char name[PARTS_NAME], key[32];

	if (is_plain)
		write_memory(out, device, PARTS_COMMON, "ivsh", IVSH_WIRE_COMMON_SIZE, 0);
	else
		write_doorbell(out, device);
	for (uint32_t i = 0; i < answer->slots; i++) {
		snprintf(key, sizeof(key), "ivsh-part%u", i);
		fputc(' ', out);
		write_memory(out, device, parts_name(i, name), key,
		    device->is_short[i] ? answer->part_short : answer->part, i == slot);
		fprintf(out, ",addr=%x.%x,multifunction=on", DEVICE_PARTS + i / 8, i % 8);
	}
	fputc('\n', out);
}
