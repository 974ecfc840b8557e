/* SPDX-License-Identifier: MIT */
/*
 * machine.c - what this machine is, for a reader.
 */
#include "peer/machine.h"

#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

void machine_processor(char text[MACHINE_SIZE])
{
	FILE *file = fopen("/proc/cpuinfo", "re");
	struct utsname name;
	char line[256];

	text[0] = '\0';
	while (file && !text[0] && fgets(line, sizeof(line), file))
		if (strncmp(line, "model name", 10) == 0 && strchr(line, ':'))
			snprintf(text, MACHINE_SIZE, "%.60s", strchr(line, ':') + 2);
	if (file)
		fclose(file);
	text[strcspn(text, "\n")] = '\0';
	if (!text[0] && uname(&name) == 0)
		snprintf(text, MACHINE_SIZE, "%.60s", name.machine);
}
