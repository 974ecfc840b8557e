/* SPDX-License-Identifier: MIT */
/*
 * mapped.c - what a system that owns PCI fills in: S, and the transport of it.
 */
#include "conformance/check.h"

#include <ivsh/mapped.h>

#include <stddef.h>

static void check_bar0(struct run *run, const struct ivsh_mapped *mapped)
{
	if (mapped->registers != NULL && (uintptr_t)mapped->registers % 4 == 0) {
		ivsh_check_registers(run, mapped->registers, S1_1_REGISTERS, S1_2_UNCACHED);
	} else {
		const char *why = "they are not mapped";

		ivsh_check_skips(run, S1_1_REGISTERS, why);
		ivsh_check_skips(run, S1_2_UNCACHED, why);
	}
}

int ivsh_conformance_mapped(struct ivsh_conformance *check, const struct ivsh_mapped *mapped)
{
	struct run run = ivsh_check_begin(check);
	struct ivsh_mem mem;
	int error;

	if (check->report == NULL)
		return IVSH_EINVAL;
	check_bar0(&run, mapped);
	ivsh_check_begins(&run, S2_1_FIELDS);
	error = ivsh_mapped_mem(mapped, &mem);
	if (error != 0)
		ivsh_check_breaks(&run, S2_1_FIELDS, ivsh_error_text(error), 0, 0);
	else
		ivsh_check_keeps(&run, S2_1_FIELDS);
	if (error == 0)
		ivsh_check_mem(&run, &mem);
	return ivsh_check_end(&run);
}
