/* SPDX-License-Identifier: MIT */
/*
 * ivsh_grub.c - GRUB's command `ivsh`: a module for x86, whose firmware has given the devices their
 * addresses, and maps each to itself.
 *
 * No interrupt comes: the command polls, and notifies. GRUB's clock counts milliseconds.
 */
#include "talk.h"

#include <grub/command.h>
#include <grub/dl.h>
#include <grub/misc.h>
#include <grub/pci.h>
#include <grub/term.h>
#include <grub/time.h>

#define NS_PER_MS 1000000u
#define CONFIG_SIZE 256u /* bytes of configuration space that ports 0xcf8 and 0xcfc reach */

GRUB_MOD_LICENSE("GPLv3+")
GRUB_MOD_DUAL_LICENSE("MIT")

static grub_command_t command;

/* --- The platform ----------------------------------------------------------------------------- */

static grub_pci_address_t config_address(uint32_t function, uint32_t offset)
{
	grub_pci_device_t device = {
	    .bus = (int)IVSH_PCI_BUS(function),
	    .device = (int)IVSH_PCI_DEVICE(function),
	    .function = (int)IVSH_PCI_FN(function),
	};

	return grub_pci_make_address(device, (int)offset);
}

static uint32_t config_read(void *ctx, uint32_t function, uint32_t offset)
{
	(void)ctx;
	return offset < CONFIG_SIZE ? grub_pci_read(config_address(function, offset)) : 0xffffffff;
}

static void config_write(void *ctx, uint32_t function, uint32_t offset, uint32_t value)
{
	(void)ctx;
	if (offset < CONFIG_SIZE)
		grub_pci_write(config_address(function, offset), value);
}

static void *map(void *ctx, uint64_t address, uint64_t size, enum ivsh_map kind)
{
	(void)ctx, (void)kind;
	return size - 1 <= UINTPTR_MAX - address ? (void *)(uintptr_t)address : NULL;
}

static uint64_t now_ns(void *ctx)
{
	(void)ctx;
	return grub_get_time_ms() * NS_PER_MS;
}

static void sleep_until(void *ctx, uint32_t seen, uint64_t deadline_ns)
{
	(void)seen;
	while (now_ns(ctx) < deadline_ns)
		grub_millisleep(1);
}

static uint32_t count(void *ctx)
{
	(void)ctx;
	return 0;
}

static const struct ivsh_platform platform = {
    .config_read = config_read,
    .config_write = config_write,
    .map = map,
    .now_ns = now_ns,
    .sleep = sleep_until,
    .count = count,
};

/* --- The command ------------------------------------------------------------------------------ */

static void print(void *ctx, const char *text)
{
	(void)ctx;
	grub_printf("%s", text);
}

static bool stop(void *ctx)
{
	int key = grub_getkey_noblock();

	(void)ctx;
	return key == GRUB_TERM_ESC || key == (GRUB_TERM_CTRL | 'c');
}

static const struct ivsh_talk talk = {.name = "grub", .print = print, .stop = stop};

/* The program prints what failed, and GRUB has the status in $?. */
static grub_err_t run(grub_command_t self, int argc, char **argv)
{
	static struct ivsh_device device;
	static struct ivsh_mem mem;
	int error = ivsh_device_open_any(&device, &platform, 0, &mem), status;

	(void)self;
	if (error) {
		print(NULL, "ivsh: device: ");
		print(NULL, ivsh_error_text(error));
		print(NULL, "\n");
		return GRUB_ERR_BAD_DEVICE;
	}
	status = ivsh_talk(&talk, &mem, argc, argv);
	ivsh_device_close(&device);
	return status == IVSH_TALK_USAGE    ? GRUB_ERR_BAD_ARGUMENT
	       : status == IVSH_TALK_FAILED ? GRUB_ERR_IO
					    : GRUB_ERR_NONE;
}

GRUB_MOD_INIT(ivsh)
{
	command = grub_register_command("ivsh", run, "ping PEER COUNT|echo COUNT|send PEER WORD...",
	    "Talk to other machines in the memory of an ivshmem device.");
}

GRUB_MOD_FINI(ivsh)
{
	grub_unregister_command(command);
}
