/* SPDX-License-Identifier: MIT */
/*
 * program.c - main() of a Unikraft image that talks: its arguments are the words of talk.h.
 */
#include "ivsh_unikraft.h"
#include "talk.h"

#include <stdio.h>

static void print(void *ctx, const char *text)
{
	(void)ctx;
	fputs(text, stdout);
}

int main(int argc, char *argv[])
{
	static struct ivsh_device device;
	static const struct ivsh_talk talk = {.name = "unikraft", .print = print};
	struct ivsh_mem mem;
	int status, error = ivsh_device_open_any(&device, ivsh_unikraft_platform(), 0, &mem);

	if (error) {
		printf("ivshmem device: %s\n", ivsh_error_text(error));
		return IVSH_TALK_FAILED;
	}
	status = ivsh_talk(&talk, &mem, argc - 1, argv + 1);
	ivsh_device_close(&device);
	printf("exit: %d\n", status);
	return status;
}
