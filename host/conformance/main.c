/* SPDX-License-Identifier: MIT */
/*
 * main.c - conformance: does a host process' transport keep its contract?
 *
 *	conformance [--vectors=N] [--late=MS] SOCKET
 *	conformance [--late=MS] --file=FILE
 *
 * SOCKET is a server's, which gives this peer a slot; FILE is a memory file. Nobody else may use
 * them meanwhile (ivsh/conformance.h).
 */
#include "conformance/program.h"

#include <ivsh/client.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#define TIMEOUT_NS UINT64_C(5000000000)

#define FILE_WORD "--file="

static int usage(const char *word)
{
	if (word != NULL)
		fprintf(stderr, "conformance: %s: too many words, or none that is known\n", word);
	fprintf(stderr, "usage: conformance [--vectors=N] [--late=MS] SOCKET | --file=FILE\n");
	return PROGRAM_USAGE;
}

/* A process' memory is mapped by the kernel: as the file is, and that is write-back. */
static const char *memory_type(const void *address)
{
	(void)address;
	return "write-back";
}

static int check_client(struct ivsh_client *client, const struct program_words *words)
{
	struct ivsh_conformance check = program_check(words, memory_type);

	printf("conformance: host\n");
	/* The counts say the same. */
	(void)(ivsh_conformance_mem(&check, &client->mem) != 0);
	ivsh_client_close(client);
	return program_end(&check);
}

int main(int argc, char **argv)
{
	static struct ivsh_client client;
	struct program_words words = {0};
	const char *place = NULL;
	int error;

	for (int i = 1; i < argc; i++) {
		int taken = program_word(&words, argv[i]);

		if (taken < 0)
			return PROGRAM_USAGE;
		if (taken == 1)
			continue;
		if (place != NULL ||
		    (argv[i][0] == '-' && strncmp(argv[i], FILE_WORD, strlen(FILE_WORD)) != 0))
			return usage(argv[i]);
		place = argv[i];
	}
	if (place == NULL)
		return usage(NULL);
	if (place[0] == '-')
		error = ivsh_client_open_file(&client, place + strlen(FILE_WORD), IVSH_SELF_NONE);
	else
		error = ivsh_client_connect(&client, place, TIMEOUT_NS);
	if (error) {
		fprintf(stderr, "conformance: %s\n", client.error);
		return PROGRAM_BROKEN;
	}
	return check_client(&client, &words);
}
