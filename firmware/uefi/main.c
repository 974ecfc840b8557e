/* SPDX-License-Identifier: MIT */
/*
 * main.c - ivsh.efi: the commands of firmware/app as a UEFI application.
 *
 *	ivsh.efi [--exit=qemu|--exit=verdict] [COMMAND [ARGUMENT...]]
 *
 * Started from the UEFI Shell it returns there, with EFI_SUCCESS or the EFI_STATUS that
 * efi_status() has for the exit status. All memory is freed by then.
 *
 * --exit=qemu as the first word ends the virtual machine instead, for an unattended start by QEMU's
 * -kernel and -append. QEMU exits with 0 if the command succeeded, and otherwise with what
 * arch_exit() makes of the status on bare metal (bare/arch.h); without the device for that it exits
 * with 0 in both cases. --exit=verdict does the same, and the command also prints how it ended
 * (app.h), because QEMU exits with 0 after a crash as well.
 */
#include "uefi/args.h"
#include "uefi/clock.h"
#include "uefi/console.h"
#include "uefi/heap.h"
#include "uefi/machine.h"
#include "uefi/nonce.h"
#include "uefi/platform.h"
#include "uefi/program.h"
#include "uefi/unlisted.h"
#include "uefi/windows.h"

#include "app/app.h"
#include "app/device.h"
#include "app/status.h"
#include "bare/arch.h"
#include "arch/memtype.h"

#include <efi.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

/* gnu-efi's crt0 calls it once the image is relocated. */
EFI_STATUS efi_main(EFI_HANDLE image, EFI_SYSTEM_TABLE *system);

/* How long it takes to halt and to be woken by a doorbell. */
#define SPIN_NS 50000u

static struct args args;
static EFI_BOOT_SERVICES *services;
static const char *wrong; /* what is wrong with the command line; NULL: nothing */

/* Whether the machine ends with the command. Removes --exit=qemu from the words. */
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
	return app_main(args.argc, args.argv, device_world(ctx));
}

/* The status for the shell. */
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
	case STATUS_NO_FILES:
		return EFI_UNSUPPORTED;
	case STATUS_NO_ROOM:
		return EFI_OUT_OF_RESOURCES;
	default:
		return EFI_DEVICE_ERROR;
	}
}

/* Returns only if the machine does not end. */
static void end_machine(EFI_SYSTEM_TABLE *system, int status)
{
	if (status != 0)
		machine_exit(status);
	system->RuntimeServices->ResetSystem(EfiResetShutdown, EFI_SUCCESS, 0, NULL);
}

static bool explain(void)
{
	return unlisted_explain(services);
}

/* Set up, run the command, undo the set-up. Answers the exit status. */
static int set_up_and_run(EFI_SYSTEM_TABLE *system)
{
	struct ivsh_pci_windows windows;
	struct machine machine = {
	    .name = "UEFI " ARCH_NAME,
	    .platform = arch_platform(),
	    .windows = &windows,
	    .explain = explain,
	    .memory_type = memtype,
	    .tee = arch_console_tee,
	    .stopped = console_stopped,
	    .spin_ns = SPIN_NS,
	    .spin_polling_ns = CLOCK_LATE_NS,
	};
	int result = STATUS_FAILED;

	if (EFI_ERROR(heap_open(services)))
		return result;
	clock_open(services);
	nonce_open(system);
	windows_open(system);
	arch_pci_windows(&windows);
	if (!EFI_ERROR(platform_open(services))) {
		machine.no_interrupts = arch_no_interrupts();
		result = program_run(run, &machine);
		platform_close();
	}
	clock_close();
	heap_close();
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

	services = system->BootServices;
	status = services->HandleProtocol(image, &guid, &found);
	if (EFI_ERROR(status))
		return status;
	loaded = found;
	wrong = args_split(&args, loaded->LoadOptions, loaded->LoadOptionsSize);
	to_qemu = take_exit();

	/*
	 * The boot manager resets the machine five minutes after it started an image (UEFI
	 * Specification 2.10, chapter 3), and a command may run longer. The watchdog stays off at
	 * exit: nothing can read what it was set to, a boot manager disarms it itself when we
	 * return, and a shell has it off and would be reset if we armed it.
	 */
	services->SetWatchdogTimer(0, 0, 0, NULL);

	machine_open(system);
	console_open(system);
	result = set_up_and_run(system);
	if (to_qemu)
		end_machine(system, result);
	return efi_status(result);
}
