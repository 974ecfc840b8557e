/* SPDX-License-Identifier: MIT */
/*
 * serve.h - runs the server, from the command line to the end.
 */
#ifndef SERVE_H
#define SERVE_H

/* Serve; answers the exit status. */
int serve(int argc, char **argv);

#endif
