/* SPDX-License-Identifier: MIT */
/*
 * command.h - commands.
 */
#ifndef STUB_UBOOT_COMMAND_H
#define STUB_UBOOT_COMMAND_H

struct cmd_tbl;

#define CMD_RET_SUCCESS 0
#define CMD_RET_FAILURE 1
#define CMD_RET_USAGE (-1)

struct stub_command {
	const char *name, *usage, *help;
	int words, repeatable;
	int (*run)(struct cmd_tbl *command, int flag, int argc, char *const argv[]);
};

#define U_BOOT_CMD(name, words, repeatable, run, usage, help) \
	static const struct stub_command stub_##name          \
	    __attribute__((__used__)) = {#name, usage, help, words, repeatable, run}

#endif
