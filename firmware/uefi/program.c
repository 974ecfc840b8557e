/* SPDX-License-Identifier: MIT */
/*
 * program.c - a program with an exit status, inside the image.
 */
#include "uefi/program.h"

#include "bare/arch.h"

#include <setjmp.h>
#include <stdlib.h>

static jmp_buf caller; /* program_run() */
static int exit_status;

int program_run(int (*program)(void *ctx), void *ctx)
{
	if (setjmp(caller) == 0)
		exit(program(ctx));
	return exit_status;
}

void arch_exit(int status)
{
	exit_status = status;
	longjmp(caller, 1);
}
