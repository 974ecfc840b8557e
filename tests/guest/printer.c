/* SPDX-License-Identifier: MIT */
/*
 * printer.c - a guest that prints a numbered text, which its slot's log keeps.
 *
 * Line N is "N " and then N modulo 97 letters, each the next one of the alphabet; the second half
 * of each line is printed by a call of its own. tests/demos/test_console.py makes the same text.
 */
#include "tests/guest/printer.h"

#include "bare/arch.h"

#include <ivsh/device.h>
#include <ivsh/node.h>

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LETTERS 97u

static uint8_t block[IVSH_NODE_MEMORY];
static struct ivsh_device device;
static struct ivsh_node *node;

static int node_open(void)
{
	struct ivsh_node_options options = {.name = "printer"};
	struct ivsh_pci_windows windows;
	struct ivsh_mem mem;
	int error;

	arch_pci_windows(&windows);
	error = ivsh_pci_assign(arch_platform(), &windows);
	if (!error)
		error = ivsh_device_open_any(&device, arch_platform(), 0, &mem);
	if (!error)
		error = ivsh_node_open(&node, block, sizeof(block), &mem, &options);
	return error ? error : printer_log(node);
}

static void line_print(unsigned number)
{
	char letters[LETTERS + 1];
	unsigned count = number % LETTERS;

	for (unsigned i = 0; i < count; i++)
		letters[i] = (char)('a' + (number + i) % 26);
	printf("%u %.*s", number, (int)(count / 2), letters);
	fflush(stdout);
	printf("%.*s\n", (int)(count - count / 2), letters + count / 2);
}

int printer_run(int argc, char **argv)
{
	unsigned count = argc == 3 ? (unsigned)strtoul(argv[1], NULL, 10) : 1;
	int error = node_open();

	if (error || argc != 3) {
		printf("printer: %s\n", error ? ivsh_error_text(error) : "give COUNT and END");
		return 1;
	}
	for (unsigned i = 0; count == 0 || i < count; i++) {
		line_print(i);
		/* The others see that it lives. */
		if (ivsh_node_wait(node, 0, NULL))
			return 1;
	}
	if (strcmp(argv[2], "stay") == 0) {
		printf("%u in the midst", count);
		fflush(stdout);
		while (ivsh_node_wait(node, IVSH_FOREVER, NULL) == 0)
			;
	}
	if (strcmp(argv[2], "trap") == 0)
		printer_trap();
	if (strcmp(argv[2], "abort") == 0)
		abort();
	assert(strcmp(argv[2], "assert") != 0);
	error = printer_log(NULL);
	ivsh_node_close(node);
	return error != 0;
}
