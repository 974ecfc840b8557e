/* SPDX-License-Identifier: MIT */
/*
 * sums_bare.c - sums.c without an OS.
 */
#include "bare/newlib/bare.h"
#include "tests/guest/sums.h"

const char bare_name[] = "sums";

int main(int argc, char **argv)
{
	return sums_run(argc, argv);
}
