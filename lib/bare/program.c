/* SPDX-License-Identifier: MIT */
/*
 * program.c - the public names of what a program needs of its machine.
 */
#include <ivsh/bare.h>

#include "bare/arch.h"

const struct ivsh_platform *ivsh_bare_platform(void)
{
	return arch_platform();
}

void ivsh_bare_windows(struct ivsh_pci_windows *windows)
{
	arch_pci_windows(windows);
}

const char *ivsh_bare_command_line(void)
{
	return arch_command_line();
}

void ivsh_bare_write(const char *bytes, size_t size)
{
	arch_console_write(bytes, size);
}

void ivsh_bare_tee(void (*sink)(void *ctx, const char *bytes, size_t size), void *ctx)
{
	arch_console_tee(sink, ctx);
}

void ivsh_bare_exit(int status)
{
	arch_exit(status);
}
