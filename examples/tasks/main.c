/* SPDX-License-Identifier: MIT */
/*
 * main.c - two tasks on one processor. The worker computes, and never gives the processor away. The
 * messenger sleeps until a doorbell wakes it, takes the processor from the worker, and answers.
 *
 * It prints each text that comes (`ivsh send`), with what the worker has done meanwhile, and
 * returns what comes to the echo port (`ivsh ping`).
 */
#include "tasks.h"

#include <ivsh/ivsh.h>

#define ROOM_NS UINT64_C(100000000) /* how long an answer waits until its ring has room */

void kernel_main(void);

static volatile uint64_t work; /* what the worker has counted to */

static void worker(void)
{
	for (;;)
		work++;
}

static void print(const char *text)
{
	uint32_t size = 0;

	while (text[size] != '\0')
		size++;
	machine_print(text, size);
}

static void print_number(uint64_t number)
{
	char digits[20];
	uint32_t at = sizeof(digits);

	do
		digits[--at] = (char)('0' + number % 10);
	while ((number /= 10) != 0);
	machine_print(digits + at, sizeof(digits) - at);
}

/* A peer that takes no answers out, or broke the ring, is not to stop the messenger. */
static void answer(struct ivsh_node *node, const struct ivsh_node_message *m)
{
	if (m->port == IVSH_PORT_ECHO &&
	    ivsh_node_send(node, m->peer, m->port, m->data, m->size, ROOM_NS))
		print("tasks: an answer is dropped\n");
	if (m->port == IVSH_PORT_TEXT) {
		machine_print(m->data, m->size);
		print("\ntasks: ");
		print_number(doorbells);
		print(" doorbells; the worker has counted to ");
		print_number(work);
		print("\n");
	}
}

static void messenger(void)
{
	static uint8_t block[IVSH_NODE_MEMORY], buffer[65536];
	static struct ivsh_device device;
	/* It sleeps at once: what it would poll for, the worker can use. */
	struct ivsh_node_options options = {.name = "tasks", .flags = IVSH_NODE_SLEEP};
	struct ivsh_node_message m;
	struct ivsh_node *node;
	struct ivsh_mem mem;
	int error = ivsh_device_open_any(&device, &platform, 0, &mem);

	if (!error)
		error = ivsh_node_open(&node, block, sizeof(block), &mem, &options);
	if (!error)
		print("tasks: the messenger is a peer\n");
	while (!error) {
		error = ivsh_node_receive(node, &m, buffer, sizeof(buffer), IVSH_FOREVER);
		if (error == IVSH_ENOSPC) {
			ivsh_node_drop(node, &m);
			error = 0;
		} else if (!error) {
			answer(node, &m);
		}
	}
	print("tasks: ");
	print(ivsh_error_text(error));
	print("\n");
	for (;;)
		task_wait(&doorbells, doorbells, UINT64_MAX);
}

void kernel_main(void)
{
	machine_init();
	task_create(messenger);
	task_create(worker);
	scheduler_start();
}
