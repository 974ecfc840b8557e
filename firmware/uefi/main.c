/* SPDX-License-Identifier: MIT */
/*
 * main.c - ivsh.efi: the commands of firmware/app as a UEFI application.
 *
 *	ivsh.efi [--exit=qemu|--exit=verdict] [COMMAND [ARGUMENT...]]
 *
 * Started from the UEFI Shell it returns there, with EFI_SUCCESS or what status.h has beside the exit
 * status. All memory is given back by then.
 *
 * --exit=qemu, as the first word, ends the virtual machine instead, for a start by QEMU's -kernel
 * and -append with nobody there: QEMU exits 0 when the command succeeded, and else with (status
 * << 1) | 1, given `-device isa-debug-exit,iobase=0xf4,iosize=4`.
 * Without that device it exits 0 either way. --exit=verdict does the same, and has the command say how
 * it ended (app.h): QEMU exits 0 after a crash as well.
 */
#include "uefi/args.h"
#include "uefi/clock.h"
#include "uefi/console.h"
#include "uefi/nonce.h"
#include "uefi/platform.h"
#include "uefi/syscalls.h"
#include "uefi/unlisted.h"

#include "app/app.h"
#include "x86_64/memtype.h"
#include "app/status.h"

#include <efi.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

/* isa-debug-exit's I/O port, as this project starts QEMU (QEMU, hw/misc/debugexit.c). */
#define DEBUG_EXIT_PORT 0xf4
#define DEBUG_EXIT_US 1000000 /* QEMU leaves behind the write, by another thread: version 10 */

/* Where gnu-efi's crt0 goes once the image is relocated. */
EFI_STATUS efi_main(EFI_HANDLE image, EFI_SYSTEM_TABLE *system);

/* What it takes to halt and to be woken by a bell. */
#define SPIN_NS 50000u

static struct args args;
static struct port port;
static const char *wrong; /* with the command line; NULL: nothing */

/* Whether the machine is to end with the command. Takes --exit=qemu out of the words. */
static bool take_exit(void)
{
	if (args.argc > 1 && strcmp(args.argv[1], APP_VERDICT) == 0)
		return true; /* app_main()'s */
	if (args.argc < 2 || strcmp(args.argv[1], "--exit=qemu") != 0)
		return false;
	args.argc--;
	for (int i = 1; i <= args.argc; i++)
		args.argv[i] = args.argv[i + 1];
	return true;
}

static int run(void *ctx)
{
	if (wrong != NULL) {
		fprintf(stderr, "ivsh: command line: %s\n", wrong);
		return STATUS_USAGE;
	}
	return app_main(args.argc, args.argv, ctx);
}

/* What a shell is answered. */
static EFI_STATUS efi_status(int status)
{
	switch (status) {
	case STATUS_DONE:
		return EFI_SUCCESS;
	case STATUS_USAGE:
		return EFI_INVALID_PARAMETER;
	case STATUS_NO_DEVICE:
	case STATUS_NO_PEER:
		return EFI_NOT_FOUND;
	case STATUS_TIMEOUT:
		return EFI_TIMEOUT;
	case STATUS_STOPPED:
		return EFI_ABORTED;
	default:
		return EFI_DEVICE_ERROR;
	}
}

/*
 * Answers only where there is no such machine to end. As arch_exit() of the bare worlds: what is no exit
 * status, as of an abort(), is 127, since of twice as much only 8 bits remain.
 */
static void end_machine(EFI_SYSTEM_TABLE *system, int status)
{
	if (status < 0 || status > 127)
		status = 127;
	if (status != 0) {
		__asm__ volatile("outb %0, %1"
				 :
				 : "a"((uint8_t)status), "Nd"((uint16_t)DEBUG_EXIT_PORT));
		system->BootServices->Stall(DEBUG_EXIT_US);
	}
	system->RuntimeServices->ResetSystem(EfiResetShutdown, EFI_SUCCESS, 0, NULL);
}

static bool explain(void)
{
	return unlisted_say(port.services);
}

/* Everything between the set-up and its undoing. Answers the exit status. */
static int serve(EFI_SYSTEM_TABLE *system)
{
	struct app_world world = {
	    .name = "UEFI x86_64",
	    .port = &port.calls,
	    .explain = explain,
	    .memory_type = memtype,
	    .stopped = console_stopped,
	    .spin_ns = SPIN_NS,
	    .spin_polling_ns = CLOCK_LATE_NS,
	};
	int result = STATUS_FAILED;

	if (EFI_ERROR(syscalls_open(system->BootServices)))
		return result;
	clock_open(system->BootServices);
	if (!EFI_ERROR(port_open(&port, system->BootServices))) {
		world.nonce = port.calls.seed = nonce_make(system);
		result = syscalls_run(run, &world);
		port_close(&port);
	}
	clock_close();
	syscalls_close();
	return result;
}

EFI_STATUS efi_main(EFI_HANDLE image, EFI_SYSTEM_TABLE *system)
{
	EFI_GUID guid = LOADED_IMAGE_PROTOCOL;
	const EFI_LOADED_IMAGE *loaded;
	EFI_STATUS status;
	bool to_qemu;
	void *found;
	int result;

	status = system->BootServices->HandleProtocol(image, &guid, &found);
	if (EFI_ERROR(status))
		return status;
	loaded = found;
	wrong = args_split(&args, loaded->LoadOptions, loaded->LoadOptionsSize);
	to_qemu = take_exit();

	/*
	 * The boot manager has the machine reset five minutes after it started something (UEFI
	 * Specification 2.10, chapter 3), and commands may run for ever. It stays off at exit:
	 * nobody can read what it was, a boot manager disarms it itself when we return to it, and
	 * a shell has it off already and would be reset if we armed it.
	 */
	system->BootServices->SetWatchdogTimer(0, 0, 0, NULL);

	console_open(system);
	result = serve(system);
	if (to_qemu)
		end_machine(system, result);
	return efi_status(result);
}
