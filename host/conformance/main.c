/* SPDX-License-Identifier: MIT */
/*
 * main.c - conformance: does a host process' transport keep its contract?
 *
 *	conformance [--vectors=N] [--late=MS] SOCKET
 *	conformance [--late=MS] [--slot=N] --file=FILE
 *	conformance [--vectors=N] [--late=MS] --pci=auto|BDF
 *
 * SOCKET is a server's, which gives this peer a slot; FILE is a memory file, or the
 * folder of a split region, of which N is the slot whose part is stored into; BDF is the ivshmem
 * device of a Linux guest, 0000:00:02.0, and auto the first one. Nobody else may use them
 * meanwhile (ivsh/conformance.h).
 */
#include "conformance/program.h"
#include "port/linux-guest/linux_guest.h"

#include <ivsh/client.h>
#include <ivsh/wire.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#define TIMEOUT_NS UINT64_C(5000000000)

#define FILE_WORD "--file="
#define PCI_WORD "--pci="
#define SLOT_WORD "--slot="
#define VECTORS 128u

static int usage(const char *word)
{
	if (word != NULL)
		fprintf(stderr, "conformance: %s: too many words, or none that is known\n", word);
	fprintf(stderr,
	    "usage: conformance [--vectors=N] [--late=MS] SOCKET | [--slot=N] --file=FILE | "
	    "--pci=auto|BDF\n");
	return PROGRAM_USAGE;
}

/* A process' memory is mapped by the kernel: as the file is, and that is write-back. */
static const char *memory_type(const void *address)
{
	(void)address;
	return "write-back";
}

static int fail(const char *place, const char *why)
{
	fprintf(stderr, "conformance: %s: %s\n", place, why);
	return PROGRAM_BROKEN;
}

static int check_client(
    const char *place, bool is_file, uint32_t slot, const struct program_words *words)
{
	static struct ivsh_client client;
	struct ivsh_conformance check = program_check(words, memory_type);
	int error = is_file ? ivsh_client_open_file(&client, place, slot)
			    : ivsh_client_connect(&client, place, TIMEOUT_NS);

	if (error)
		return fail(place, client.error);
	printf("conformance: host\n");
	/* The counts say the same. */
	(void)(ivsh_conformance_mem(&check, &client.mem) != 0);
	ivsh_client_close(&client);
	return program_end(&check);
}

/* No process can read how the kernel maps the device: only the time of a load can show it. */
static int check_guest(const char *place, const struct program_words *words)
{
	static struct ivsh_linux guest;
	struct ivsh_conformance check = program_check(words, NULL);
	char bdf[IVSH_LINUX_BDF];

	if (strcmp(place, "auto") == 0 ? ivsh_linux_find(words->device, bdf)
				       : ivsh_linux_parse(place, bdf))
		return fail(place, "no ivshmem device of this machine");
	if (ivsh_linux_open(&guest, bdf, IVSH_LINUX_ANY, VECTORS) != 0)
		return fail(bdf, guest.error);
	printf("conformance: Linux guest, %s, %s\n", bdf, guest.is_vfio ? "VFIO" : "sysfs");
	(void)(ivsh_conformance_mapped(&check, &guest.mapped) != 0);
	ivsh_linux_close(&guest);
	return program_end(&check);
}

/* Behind (name), if (word) begins so; else NULL. */
static const char *value(const char *word, const char *name)
{
	return strncmp(word, name, strlen(name)) == 0 ? word + strlen(name) : NULL;
}

/* The slot in (text); IVSH_SELF_NONE: it is none. */
static uint32_t slot_of(const char *text)
{
	uint32_t slot = 0;

	if (strlen(text) < 1 || strlen(text) > 3 || text[strspn(text, "0123456789")] != '\0')
		return IVSH_SELF_NONE;
	for (; *text != '\0'; text++)
		slot = slot * 10 + (uint32_t)(*text - '0');
	return slot < IVSH_WIRE_SLOTS_MAX ? slot : IVSH_SELF_NONE;
}

int main(int argc, char **argv)
{
	struct program_words words = {0};
	uint32_t slot = IVSH_SELF_NONE;
	const char *place = NULL, *file, *pci;

	for (int i = 1; i < argc; i++) {
		int taken = program_word(&words, argv[i]);

		if (taken < 0)
			return PROGRAM_USAGE;
		if (taken == 1)
			continue;
		if (value(argv[i], SLOT_WORD) != NULL && slot == IVSH_SELF_NONE) {
			slot = slot_of(value(argv[i], SLOT_WORD));
			if (slot == IVSH_SELF_NONE)
				return usage(argv[i]);
			continue;
		}
		if (place != NULL || (argv[i][0] == '-' && value(argv[i], FILE_WORD) == NULL &&
					 value(argv[i], PCI_WORD) == NULL))
			return usage(argv[i]);
		place = argv[i];
	}
	if (place == NULL)
		return usage(NULL);
	file = value(place, FILE_WORD);
	pci = value(place, PCI_WORD);
	if (pci != NULL)
		return check_guest(pci, &words);
	if (slot != IVSH_SELF_NONE && file == NULL)
		return usage(SLOT_WORD);
	return check_client(file != NULL ? file : place, file != NULL, slot, &words);
}
