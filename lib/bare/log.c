/* SPDX-License-Identifier: MIT */
/*
 * log.c - what a program prints, in its slot's log. The linker takes this file from the archive
 * only for a program that asks for it.
 */
#include <ivsh/bare.h>
#include <ivsh/node.h>

#include "bare/arch.h"

static void write_to(void *ctx, const char *bytes, size_t size)
{
	ivsh_node_log(ctx, bytes, (uint32_t)size);
}

int ivsh_bare_log(struct ivsh_node *node)
{
	/* The first call opens the log, and no other may interrupt that one. */
	int error = node ? ivsh_node_log(node, NULL, 0) : 0;

	arch_console_tee(node && !error ? write_to : NULL, node);
	return error;
}
