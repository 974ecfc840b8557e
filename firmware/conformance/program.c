/* SPDX-License-Identifier: MIT */
/*
 * program.c - the conformance program: its words and its lines.
 *
 * A line is begun before its check, so that the last line of a machine that crashes, or hangs,
 * names the clause.
 */
#include "conformance/program.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *open_line; /* the clause whose line is begun; NULL: none */
static const char *(*type_of)(const void *address);

/* The number behind (name) in (word). 1; 0: it is another word; -1: it is no number, or above. */
static int number(const char *word, const char *name, uint32_t most, uint32_t *value)
{
	size_t length = strlen(name);
	char *end;
	unsigned long got;

	if (strncmp(word, name, length) != 0)
		return 0;
	got = strtoul(word + length, &end, 10);
	if (word[length] < '0' || word[length] > '9' || *end != '\0' || got > most) {
		fprintf(
		    stderr, "conformance: %s: not a number from 0 to %" PRIu32 "\n", word, most);
		return -1;
	}
	*value = (uint32_t)got;
	return 1;
}

int program_word(struct program_words *words, const char *word)
{
	uint32_t late = 0;
	int taken = number(word, "--device=", 255, &words->device);

	if (taken == 0)
		taken = number(word, "--vectors=", 2048, &words->vectors);
	if (taken == 0) {
		taken = number(word, "--late=", 10000, &late);
		if (taken == 1)
			words->late_ns = late * UINT64_C(1000000);
	}
	return taken;
}

static void print_number(uint64_t number)
{
	printf("%" PRIu64, number);
	/* What is so large may be an address or a register. */
	if (number > 0xffff)
		printf(" (0x%" PRIx64 ")", number);
}

static void print_result(const struct ivsh_conformance_result *result)
{
	switch (result->state) {
	case IVSH_CONFORMANCE_BROKEN:
		printf("BROKEN: ");
		if (result->got == result->want) {
			printf("%s\n", result->what);
			break;
		}
		print_number(result->got);
		printf(" %s; the contract: ", result->what);
		print_number(result->want);
		printf("\n");
		break;
	case IVSH_CONFORMANCE_SKIPPED:
		printf("skipped: %s\n", result->what);
		break;
	default:
		printf("kept\n");
	}
}

static void report(void *ctx, const struct ivsh_conformance_result *result)
{
	(void)ctx;
	if (open_line != result->clause)
		printf("%s%s: %s: ", open_line != NULL ? "\n" : "", result->clause, result->text);
	open_line = result->clause;
	if (result->state != IVSH_CONFORMANCE_BEGINS) {
		print_result(result);
		open_line = NULL;
	}
	fflush(stdout);
}

static enum ivsh_conformance_cache cache(void *ctx, const volatile void *address)
{
	const char *type = type_of != NULL ? type_of((const void *)(uintptr_t)address) : NULL;

	(void)ctx;
	if (type == NULL)
		return IVSH_CACHE_UNKNOWN;
	return strcmp(type, "write-back") == 0 ? IVSH_CACHE_WRITE_BACK : IVSH_CACHE_OTHER;
}

struct ivsh_conformance program_check(
    const struct program_words *words, const char *(*memory_type)(const void *address))
{
	type_of = memory_type;
	return (struct ivsh_conformance){
	    .report = report,
	    .cache = cache,
	    .late_ns = words->late_ns,
	    .vectors = words->vectors,
	};
}

int program_end(const struct ivsh_conformance *check)
{
	printf("%" PRIu32 " passed, %" PRIu32 " failed, %" PRIu32 " skipped\n", check->kept,
	    check->broken, check->skipped);
	return check->broken == 0 ? PROGRAM_KEPT : PROGRAM_BROKEN;
}

int program_guest(int argc, char **argv, const struct ivsh_platform *platform,
    const char *(*memory_type)(const void *address))
{
	struct program_words words = {0};
	struct ivsh_conformance check;
	int error, status;

	for (int i = 1; i < argc; i++) {
		int taken = program_word(&words, argv[i]);

		if (taken == 1)
			continue;
		if (taken == 0)
			fprintf(stderr,
			    "conformance: %s: not one of --device=N --vectors=N --late=MS\n",
			    argv[i]);
		return PROGRAM_USAGE;
	}
	check = program_check(&words, memory_type);
	error = ivsh_conformance_platform(&check, platform, words.device);
	status = program_end(&check);
	if (error != IVSH_ENODEV)
		return status;
	fprintf(stderr,
	    "conformance: device %" PRIu32 ": the platform finds no such ivshmem device: give "
	    "QEMU one (-device ivshmem-doorbell or ivshmem-plain)\n",
	    words.device);
	return PROGRAM_DEVICE;
}
