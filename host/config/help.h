/* SPDX-License-Identifier: MIT */
/*
 * help.h - the text of -h.
 */
#ifndef HELP_H
#define HELP_H

/* After "Usage: NAME ". */
extern const char help_text[];

#endif
