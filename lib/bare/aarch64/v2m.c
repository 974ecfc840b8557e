/* SPDX-License-Identifier: MIT */
/*
 * v2m.c - GICv2m: a frame of registers; a number that is written there raises the SPI of that
 * number (Arm, Server Base System Architecture, appendix E; Linux, arm,gic.yaml: its node).
 */
#include "bare/aarch64/controller.h"
#include "bare/aarch64/host_bridge.h"
#include "bare/aarch64/registers.h"
#include "bare/aarch64/slots.h"
#include "bare/virt/virt.h"

#include <stddef.h>

#define MSI_TYPER 0x008u
#define TYPER_BASE(word) ((word) >> 16 & 0x3ff)
#define TYPER_COUNT(word) ((word)&0x3ff)
#define MSI_SETSPI 0x040u
#define FRAME_SIZE 0x1000u

static const struct a64_controller *gic;
static struct a64_messages messages;
static uint64_t frame_address;

static void close(uint32_t slot)
{
	gic->disable(messages.first + slot);
	a64_slots_free(slot);
}

static int open(uint32_t function, uint32_t index, uint64_t *address, uint32_t *data)
{
	uint32_t slot = a64_slots_take(messages.count, function, index);

	if (slot == A64_SLOTS_NONE)
		return -1;
	gic->enable(messages.first + slot, true);
	*address = frame_address + MSI_SETSPI;
	*data = messages.first + slot;
	return 0;
}

const struct a64_messages *a64_v2m(
    const struct bare_dtb *dtb, const struct a64_controller *controller, const char **why)
{
	uint32_t node = a64_host_bridge_open(dtb, "arm,gic-v2m-frame"), word;
	struct bare_dtb_range frame;
	void *registers;

	*why = "its GICv2 has no GICv2m frame (QEMU's virt has one)";
	if (node == 0 || !bare_dtb_reg(dtb, node, 0, &frame))
		return NULL;
	*why = "its GICv2m frame has no SPIs, as MSI_TYPER and the device tree say";
	registers = virt_map(frame.address, FRAME_SIZE, IVSH_MAP_REGISTERS);
	if (registers == NULL)
		return NULL;
	word = a64_read32(registers, MSI_TYPER);
	messages.first = bare_dtb_number(dtb, node, "arm,msi-base-spi", TYPER_BASE(word));
	messages.count = bare_dtb_number(dtb, node, "arm,msi-num-spis", TYPER_COUNT(word));
	if (messages.first < A64_INTID_SPI || messages.first >= A64_INTID_SPECIAL ||
	    messages.count == 0 || messages.count > A64_INTID_SPECIAL - messages.first)
		return NULL;
	gic = controller;
	frame_address = frame.address;
	messages.open = open;
	messages.close = close;
	*why = NULL;
	return &messages;
}
