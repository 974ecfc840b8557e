/* SPDX-License-Identifier: MIT */
/*
 * types.c - the one line that says what is wrong with a client.
 */
#include "client/types.h"

#include <stdarg.h>
#include <stdio.h>

int ivsh_client_fail(struct ivsh_client *client, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(client->error, sizeof(client->error), format, arguments);
	va_end(arguments);
	return -1;
}
