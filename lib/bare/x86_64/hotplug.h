/* SPDX-License-Identifier: MIT */
/*
 * hotplug.h - the ACPI hot-plug controller of QEMU's pc and q35. For bare metal and UEFI.
 */
#ifndef X86_HOTPLUG_H
#define X86_HOTPLUG_H

#include <ivsh/platform.h>

/*
 * The controller, for (platform)->hotplug; there is one at most. NULL: this machine has none, or it
 * is switched off. It reads configuration space through (platform), and has to be called when
 * firmware or the program has set the ACPI registers up.
 */
const struct ivsh_hotplug_controller *x86_hotplug(const struct ivsh_platform *platform);

#endif
