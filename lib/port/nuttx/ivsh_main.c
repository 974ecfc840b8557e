/* SPDX-License-Identifier: MIT */
/*
 * ivsh_main.c - the program `ivsh` of NuttX's shell: ping, echo and send (talk.h), on the first
 * ivshmem device that no driver has.
 */
#include "ivsh_nuttx.h"
#include "talk.h"

#include <signal.h>
#include <stdio.h>
#include <unistd.h>

/* NuttX loads the program once: what a run that was killed has left is still here. */
static struct ivsh_nuttx port;
static pid_t owner;
static volatile sig_atomic_t stopped;

static void on_signal(int number)
{
	(void)number;
	stopped = 1;
}

static bool stop(void *ctx)
{
	(void)ctx;
	return stopped != 0;
}

static void print(void *ctx, const char *text)
{
	(void)ctx;
	(void)fputs(text, stdout);
	(void)fflush(stdout);
}

/* Whether the device is this run's: no other one has it, or one that has ended without close. */
static bool is_ours(void)
{
	if (port.device == NULL)
		return true;
	if (kill(owner, 0) == 0)
		return false;
	ivsh_nuttx_close(&port);
	return true;
}

int main(int argc, char *argv[])
{
	struct ivsh_talk talk = {.name = CONFIG_IVSH_NAME, .print = print, .stop = stop};
	struct ivsh_mem mem;
	int error, status;

	if (!is_ours()) {
		fprintf(stderr, "ivsh: task %d has the device: one runs at a time\n", (int)owner);
		return IVSH_TALK_FAILED;
	}
	owner = getpid();
	stopped = 0;
	(void)signal(SIGINT, on_signal);
	(void)signal(SIGTERM, on_signal);
	error = ivsh_nuttx_open(&port, IVSH_NUTTX_ANY, &mem);
	if (error) {
		fprintf(stderr, "ivsh: device: %s%s\n", ivsh_error_text(error),
		    error == IVSH_ENODEV ? ", or NuttX's own driver has it (PCI_IVSHMEM)" : "");
		return IVSH_TALK_FAILED;
	}
	status = ivsh_talk(&talk, &mem, argc - 1, argv + 1);
	ivsh_nuttx_close(&port);
	return status;
}
