/* SPDX-License-Identifier: MIT */
/*
 * command.h - commands of GRUB.
 */
#ifndef STUB_GRUB_COMMAND_H
#define STUB_GRUB_COMMAND_H

#include <grub/err.h>

typedef struct grub_command *grub_command_t;
typedef grub_err_t (*grub_command_func_t)(grub_command_t command, int argc, char **argv);

grub_command_t grub_register_command_prio(const char *name, grub_command_func_t run,
    const char *summary, const char *description, int priority);
void grub_unregister_command(grub_command_t command);

static inline grub_command_t grub_register_command(
    const char *name, grub_command_func_t run, const char *summary, const char *description)
{
	return grub_register_command_prio(name, run, summary, description, 0);
}

#endif
