/* SPDX-License-Identifier: MIT */
/*
 * plug_bare.c - plug.c without an OS.
 */
#include "bare/arch.h"
#include "bare/newlib/bare.h"
#include "tests/guest/plug.h"

#include <stdio.h>

const char bare_name[] = "plug";

void plug_print_heap(void)
{
	char *start, *end;

	arch_heap(&start, &end);
	printf("heap %p\n", (void *)end);
}

int main(void)
{
	return plug_run();
}
