/* SPDX-License-Identifier: MIT */
/*
 * interrupts.c - message signalled interrupts while boot services run, on a GICv2.
 *
 * Theory of operation. The GICv2m frame makes an edge of a shared peripheral interrupt (SPI) of
 * each message (Arm Base System Architecture 1.0, appendix E). EDK II's driver of the GIC owns its
 * registers, and gives out interrupts by the Hardware Interrupt 2 protocol. One SPI is enough for
 * all doorbells: the handler counts and ends the interrupt, and the woken program reads all of the
 * shared memory. The handler calls nothing else, as a boot service may enable interrupts or find
 * its own locks held. This file is compiled without floating-point registers, which the firmware's
 * exception vectors need not save then.
 *
 * A GICv3 delivers messages as LPIs, by an ITS. The firmware's driver acknowledges such an
 * interrupt, finds its number too large, and returns without ending it: from then on the GIC holds
 * back the firmware's own timer. To be correct the app would have to take the processor's vectors,
 * and leave tables behind for good: LPIs that are enabled need not be able to be disabled (GIC
 * Architecture Specification, IHI 0069, GICR_CTLR.EnableLPIs). So it polls there.
 *
 * At the end the device is silent first, and what it has sent has time to arrive.
 */
#include "uefi/interrupts.h"
#include "uefi/virt/tree.h"

#include "bare/arch.h"

#include <stdio.h>

/* A message takes 55 us from device to handler (QEMU 7.2, TCG); a busy host may need 20 ms. */
#define DRAIN_US 20000u

#define FRAME_TYPER 0x008u /* first SPI in bits 25:16, their number in 9:0 */
#define FRAME_SETSPI 0x040u

#define TRIGGER_EDGE_RISING 3 /* EFI_HARDWARE_INTERRUPT2_TRIGGER_TYPE */

/* EDK II, EmbeddedPkg/Include/Protocol/HardwareInterrupt2.h. */
struct gic;
typedef VOID(EFIAPI *gic_handler)(UINTN source, VOID *context);

struct gic {
	EFI_STATUS(EFIAPI *register_source)(struct gic *gic, UINTN source, gic_handler handler);
	void *enable;
	void *disable;
	void *get_state;
	EFI_STATUS(EFIAPI *end)(struct gic *gic, UINTN source);
	EFI_STATUS(EFIAPI *get_trigger)(struct gic *gic, UINTN source, int *type);
	EFI_STATUS(EFIAPI *set_trigger)(struct gic *gic, UINTN source, int type);
};

static struct {
	EFI_BOOT_SERVICES *services;
	struct gic *gic;
	const char *lacks; /* why there are no interrupts; NULL: there are some */
	uint64_t frame;
	UINTN first, count; /* SPIs of the frame */
	UINTN source;       /* registered while open is not 0 */
	int trigger;        /* what it was before */
	uint32_t open;      /* count of open indexes */
	bool refused;       /* there was no free SPI, and a line was printed */
} irq;

static volatile uint32_t doorbells; /* only the handler writes it */

/*
 * Runs with interrupts off, on the stack of the interrupted code. The barrier stands between the
 * firmware's load of the GIC's acknowledge register, which is Device memory, and the loads of
 * shared memory by who finds the count changed: without it they could answer what was there before
 * the doorbell.
 */
static VOID EFIAPI on_doorbell(UINTN source, VOID *context)
{
	(void)context;
	__asm__ volatile("dsb sy" : : : "memory");
	doorbells = doorbells + 1;
	irq.gic->end(irq.gic, source);
}

/* Find the frame. Answers NULL, or what is missing. */
static const char *find_frame(void)
{
	struct bare_dtb_range range;
	uint32_t node, typer;

	if (tree() == NULL)
		return "the firmware shows no device tree, which says where the GICv2m is";
	if (bare_dtb_compatible(tree(), 0, "arm,gic-v3") != 0)
		return "the firmware takes no LPIs of a GICv3: start QEMU with "
		       "-M virt,gic-version=2";
	node = bare_dtb_compatible(tree(), 0, "arm,gic-v2m-frame");
	if (node == 0 || !bare_dtb_reg(tree(), node, 0, &range))
		return "the machine has no GICv2m";
	irq.frame = range.address;
	typer = *(volatile uint32_t *)(uintptr_t)(irq.frame + FRAME_TYPER);
	irq.first = typer >> 16 & 0x3ff;
	irq.count = typer & 0x3ff;
	return NULL;
}

void interrupts_open(EFI_BOOT_SERVICES *services)
{
	EFI_GUID guid = {
	    0x32898322, 0x2da1, 0x474a, {0xba, 0xaa, 0xf3, 0xf7, 0xcf, 0x56, 0x94, 0x70}};
	void *found;

	irq.services = services;
	irq.lacks = find_frame();
	if (irq.lacks != NULL)
		return;
	if (EFI_ERROR(services->LocateProtocol(&guid, NULL, &found)))
		irq.lacks = "the firmware has no EFI_HARDWARE_INTERRUPT2_PROTOCOL";
	else
		irq.gic = found;
}

/* Register the handler. False: another driver has each SPI. */
static bool take_source(void)
{
	for (UINTN i = 0; i < irq.count; i++) {
		irq.source = irq.first + i;
		if (EFI_ERROR(irq.gic->get_trigger(irq.gic, irq.source, &irq.trigger)) ||
		    EFI_ERROR(irq.gic->register_source(irq.gic, irq.source, on_doorbell)))
			continue;
		if (!EFI_ERROR(irq.gic->set_trigger(irq.gic, irq.source, TRIGGER_EDGE_RISING)))
			return true;
		irq.gic->register_source(irq.gic, irq.source, NULL);
	}
	return false;
}

int interrupts_msi_open(
    void *ctx, uint32_t function, uint32_t index, uint64_t *address, uint32_t *data)
{
	(void)ctx;
	(void)function;
	(void)index;
	if (irq.lacks != NULL || irq.refused)
		return -1;
	if (irq.open == 0 && !take_source()) {
		fprintf(stderr, "ivsh: no free interrupt of the GICv2m: polling\n");
		irq.refused = true;
		return -1;
	}
	irq.open++;
	*address = irq.frame + FRAME_SETSPI;
	*data = (uint32_t)irq.source;
	return 0;
}

void interrupts_msi_close(void *ctx, uint32_t function, uint32_t index)
{
	(void)ctx;
	(void)function;
	(void)index;
	if (irq.open == 1)
		interrupts_close();
	else if (irq.open > 0)
		irq.open--;
}

uint32_t arch_doorbells(void)
{
	return doorbells;
}

const char *arch_no_interrupts(void)
{
	return irq.lacks;
}

bool interrupts_on(void)
{
	return irq.open > 0;
}

void interrupts_close(void)
{
	if (irq.open == 0)
		return;
	irq.open = 0;
	/* Interrupts are on, as they must be in each call of boot services (UEFI 2.10, 2.3.4). */
	irq.services->Stall(DRAIN_US);
	irq.gic->register_source(irq.gic, irq.source, NULL);
	irq.gic->set_trigger(irq.gic, irq.source, irq.trigger);
}
