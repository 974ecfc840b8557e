/* SPDX-License-Identifier: MIT */
/*
 * claim.c - a guest that attaches to slot 0 of an ivshmem-plain, says how long that took by its own
 * clock, and stays: for test_claim.py, which resets it.
 *
 *   attached after US us: incarnation N
 */
#include "bare/arch.h"
#include "bare/newlib/bare.h"

#include <ivsh/ivsh.h>

#include <inttypes.h>
#include <stdio.h>

const char bare_name[] = "claim";

static struct ivsh_device device;
static uint8_t block[IVSH_NODE_MEMORY];

static int fail(const char *what, int error)
{
	printf("FAIL: %s: %s\n", what, ivsh_error_text(error));
	return 1;
}

int main(void)
{
	struct ivsh_node_options options = {.flags = IVSH_NODE_SLOT};
	struct ivsh_node_message m;
	struct ivsh_pci_windows windows;
	struct ivsh_node *node;
	struct ivsh_mem mem;
	uint64_t start = arch_now_ns();
	int error;

	arch_pci_windows(&windows);
	error = ivsh_pci_assign(arch_platform(), &windows);
	if (!error)
		error = ivsh_device_open_any(&device, arch_platform(), 0, &mem);
	if (error)
		return fail("device", error);
	error = ivsh_node_open(&node, block, sizeof(block), &mem, &options);
	if (error)
		return fail("node", error);
	printf("attached after %" PRIu64 " us: incarnation %" PRIu32 "\n",
	    (arch_now_ns() - start) / 1000, node->region.incarnation);
	error = ivsh_node_receive(node, &m, block, 0, IVSH_FOREVER);
	return fail("receive", error);
}
