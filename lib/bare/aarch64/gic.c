/* SPDX-License-Identifier: MIT */
/*
 * gic.c - which interrupt controller the machine has, and what an interrupt is for.
 */
#include "bare/aarch64/gic.h"

#include "bare/aarch64/a64.h"
#include "bare/aarch64/controller.h"
#include "bare/aarch64/slots.h"
#include "bare/arch.h"
#include "bare/virt/virt.h"

#include <stddef.h>

/* The words of "interrupts": Linux, Documentation/devicetree/bindings/interrupt-controller. */
#define CELLS 3u /* of one interrupt */
#define CELL_PPI 1u
#define PPIS 16u
#define TIMER_VIRTUAL 2u /* the third one of the timer's: timer/arm,arch_timer.yaml */

static const struct a64_controller *gic;
static const struct a64_messages *messages;
static const char *no_interrupts =
    "it has no interrupt controller that ivsh knows (GICv2 or GICv3)";
static uint32_t timer; /* INTID; 0: none */
static void (*on_timer)(void);
static volatile uint32_t doorbells;

/* GICD_TYPER, bits 4:0 (GICv2 4.3.2, GICv3 12.9.38). */
uint32_t a64_gic_lines(uint32_t typer)
{
	uint32_t lines = 32 * ((typer & 31) + 1);

	return lines < A64_INTID_SPECIAL ? lines : A64_INTID_SPECIAL;
}

static void open_gicv2(const struct bare_dtb *dtb)
{
	static const char *const compatible[] = {
	    "arm,cortex-a15-gic", "arm,gic-400", "arm,cortex-a9-gic", "arm,cortex-a7-gic"};
	uint32_t node = 0;

	for (uint32_t i = 0; i < sizeof(compatible) / sizeof(compatible[0]) && node == 0; i++)
		node = bare_dtb_compatible(dtb, 0, compatible[i]);
	if (node == 0)
		return;
	gic = a64_gicv2(dtb, node);
	if (gic == NULL)
		no_interrupts = "its GICv2 cannot be reached";
	else
		messages = a64_v2m(dtb, gic, &no_interrupts);
}

static void open_gicv3(const struct bare_dtb *dtb, uint32_t node)
{
	gic = a64_gicv3(dtb, node);
	if (gic == NULL)
		no_interrupts = "its GICv3 does not answer as one of this processor";
	else
		messages = a64_its(dtb, &no_interrupts);
}

bool a64_gic_init(void)
{
	const struct bare_dtb *dtb = virt_dtb();
	uint32_t node = bare_dtb_compatible(dtb, 0, "arm,gic-v3");

	if (node != 0)
		open_gicv3(dtb, node);
	else
		open_gicv2(dtb);
	return gic != NULL;
}

bool a64_gic_timer(void (*handler)(void))
{
	const struct bare_dtb *dtb = virt_dtb();
	uint32_t node = bare_dtb_compatible(dtb, 0, "arm,armv8-timer");
	struct bare_dtb_value value;
	uint32_t number;

	if (gic == NULL || node == 0 || !bare_dtb_property(dtb, node, "interrupts", &value) ||
	    value.size < (TIMER_VIRTUAL + 1) * CELLS * 4 ||
	    bare_dtb_cell(&value, TIMER_VIRTUAL * CELLS) != CELL_PPI)
		return false;
	number = bare_dtb_cell(&value, TIMER_VIRTUAL * CELLS + 1);
	if (number >= PPIS)
		return false;
	on_timer = handler;
	timer = A64_INTID_SPI - PPIS + number;
	gic->enable(timer, false);
	return true;
}

/* A notification carries no data, so the messages are not told apart. */
void a64_gic_interrupt(void)
{
	uint32_t acknowledged, intid;

	if (gic == NULL)
		virt_fatal("an interrupt, and no interrupt controller that ivsh knows");
	acknowledged = gic->acknowledge();
	intid = acknowledged & gic->intid;
	if (intid >= A64_INTID_SPECIAL && intid < A64_INTID_LPI)
		return;
	if (messages != NULL && intid - messages->first < messages->count)
		doorbells = doorbells + 1;
	else if (intid == timer && timer != 0)
		on_timer();
	else
		gic->disable(intid);
	gic->end(acknowledged);
}

uint32_t arch_doorbells(void)
{
	return doorbells;
}

bool virt_has_msi(void)
{
	return messages != NULL;
}

int virt_msi_open(void *ctx, uint32_t function, uint32_t index, uint64_t *address, uint32_t *data)
{
	(void)ctx;
	/* The library opens vectors from 0 on: what is open is a former owner's of the function. */
	for (uint32_t slot = 0; index == 0; slot++) {
		slot = a64_slots_next(function, slot);
		if (slot == A64_SLOTS_NONE)
			break;
		messages->close(slot);
	}
	if (messages->open(function, index, address, data) == 0)
		return 0;
	/* Without its first vector a device has none. */
	if (index == 0)
		a64_print("interrupts: none is left for another device: it polls\n");
	return -1;
}

void virt_msi_close(void *ctx, uint32_t function, uint32_t index)
{
	uint32_t slot = a64_slots_find(function, index);

	(void)ctx;
	if (slot != A64_SLOTS_NONE)
		messages->close(slot);
}

const char *arch_no_interrupts(void)
{
	return no_interrupts;
}
