/* SPDX-License-Identifier: MIT */
/*
 * commands.h - what is asked of a server that runs, on the command line.
 *
 * argv[0] is the command's own name, "status", "qemu-args" or "stop", the rest its options. Each prints to
 * stdout and answers the exit status: 0; 1 after one line on stderr; 2 for a wrong command line.
 */
#ifndef COMMANDS_H
#define COMMANDS_H

/* Who is there: as text, JSON, or for Prometheus. ivsh-server(8). */
int control_status(int argc, char **argv);

/* What to give to QEMU, or libvirt, for a slot. ivsh-server(8). */
int control_qemu_args(int argc, char **argv);

/* End it, with its supervisor or without. ivsh-server(8). */
int control_stop(int argc, char **argv);

#endif
