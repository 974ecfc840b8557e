/* SPDX-License-Identifier: MIT */
/*
 * commands.h - the commands that query a running server. ivsh-server(8).
 *
 * argv[0] is the command's own name, "status", "qemu-args", "release" or "stop"; the rest are its
 * options and arguments. Each command prints to stdout and returns the exit status: 0; 1 after one
 * line on stderr; 2 for a wrong command line.
 */
#ifndef COMMANDS_H
#define COMMANDS_H

/* Print the server's state and its clients: as text, JSON, or metrics for Prometheus. */
int control_status(int argc, char **argv);

/*
 * Print what gives a virtual machine the device for a slot: QEMU's options, or libvirt's element.
 */
int control_qemu_args(int argc, char **argv);

/*
 * End the connection of a slot's client. Also returns 3: the slot is free; 4: not permitted; 5: its
 * client is connecting.
 */
int control_release(int argc, char **argv);

/* End the server, with its supervisor or without. */
int control_stop(int argc, char **argv);

#endif
