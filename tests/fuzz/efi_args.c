/* SPDX-License-Identifier: MIT */
/*
 * efi_args.c - EFI load options, split into words.
 */
#include "uefi/args.h"
#include "tests/fuzz/feed.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct args *args = malloc(sizeof(*args));
	/* At an odd address sometimes, and at the end of the block. */
	uint8_t *options = malloc(size + 1);
	size_t skip = size & 1;

	FUZZ_MUST(args && options);
	memcpy(options + 1 - skip, data, size);
	args_split(args, options + 1 - skip, (uint32_t)size);
	FUZZ_MUST(args->argc >= 1 && args->argc <= ARGS_WORDS && args->argv[args->argc] == NULL);
	for (int i = 1; i < args->argc; i++)
		FUZZ_MUST(
		    args->argv[i] >= args->text &&
		    strlen(args->argv[i]) < (size_t)(args->text + ARGS_BYTES - args->argv[i]));
	free(options);
	free(args);
	return 0;
}
