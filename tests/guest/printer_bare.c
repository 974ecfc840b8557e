/* SPDX-License-Identifier: MIT */
/*
 * printer_bare.c - printer.c without an OS.
 */
#include "bare/newlib/bare.h"
#include "tests/guest/printer.h"

#include <ivsh/bare.h>

#include <stddef.h>

const char bare_name[] = "printer";

int printer_log(struct ivsh_node *node)
{
	return ivsh_bare_log(node);
}

void printer_trap(void)
{
#if defined(__x86_64__)
	__asm__ volatile("ud2");
#elif defined(__aarch64__)
	__asm__ volatile("udf #0");
#else
	__asm__ volatile("unimp");
#endif
}

int main(int argc, char **argv)
{
	return printer_run(argc, argv);
}
