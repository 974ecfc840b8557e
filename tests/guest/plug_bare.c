/* SPDX-License-Identifier: MIT */
/*
 * plug_bare.c - plug.c without an OS.
 */
#include "bare/newlib/bare.h"
#include "tests/guest/plug.h"

const char bare_name[] = "plug";

int main(void)
{
	return plug_run();
}
