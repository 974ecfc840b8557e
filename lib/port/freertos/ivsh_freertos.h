/* SPDX-License-Identifier: MIT */
/*
 * ivsh_freertos.h - a struct ivsh_platform over FreeRTOS: its tasks sleep on a semaphore, which the
 * handler of the device's interrupt gives.
 *
 * FreeRTOS knows neither PCI nor interrupt controllers. What the board has of them are four values
 * that the application sets, and one interrupt whose handler the application installs. README.md,
 * beside this file, has all lines that a board needs.
 */
#ifndef IVSH_FREERTOS_H
#define IVSH_FREERTOS_H

#include <ivsh/pci.h>
#include <ivsh/platform.h>

/* FreeRTOS' headers in the order that they want. */
#include "FreeRTOS.h"
#include "semphr.h"
#include "task.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The board, and what the calls below keep. In the application's memory, for as long as it runs. */
struct ivsh_freertos {
	/* Configuration space, mapped as device memory. First: the calls' ctx points here, too. */
	struct ivsh_ecam ecam;

	/*
	 * The message of an interrupt of the board's: what the device writes (msi_data), and where.
	 * The interrupt is edge-triggered, and its handler calls ivsh_freertos_doorbell(). All
	 * vectors of the device share it. 0 in msi_address: there is none, and this peer polls.
	 */
	uint64_t msi_address;
	uint32_t msi_data;

	/* A counter that never goes back, in nanoseconds. NULL: the tick, which is too coarse to
	 * poll by: open nodes with IVSH_NODE_SLEEP then. */
	uint64_t (*counter_ns)(void);

	/* As platform.h's, without its ctx. NULL: the board has mapped all addresses of devices at
	 * themselves, BAR2's as write-back memory and all others as device memory. */
	void *(*map)(uint64_t address, uint64_t size, enum ivsh_map kind);

	/* For the calls below. */
	StaticSemaphore_t memory;
	SemaphoreHandle_t semaphore;
	volatile uint32_t doorbells; /* written by the handler alone */
	TickType_t tick;             /* the tick when now_ns was called last ... */
	uint64_t ticks;              /* ... and how many there were until then */
};

/*
 * Fill (platform) with the calls below, for (port), whose first five fields are set and whose
 * others are zero. The fields that stay zero may be set afterwards: seed, vm_generation, machine,
 * hotplug. A board without ECAM replaces config_read and config_write.
 *
 * Once for each (port), before its interrupt is enabled. Afterwards one task at a time makes the
 * library's calls over (platform): the one that owns the device. A second device that another task
 * owns has a struct ivsh_freertos, and an interrupt, of its own.
 */
void ivsh_freertos_platform(struct ivsh_freertos *port, struct ivsh_platform *platform);

/*
 * Count a doorbell and wake the task that sleeps. Answers pdTRUE if the handler should end in a
 * context switch: hand the answer to portYIELD_FROM_ISR().
 *
 * From the interrupt's handler alone, whose priority must be one from which FreeRTOS allows calls
 * (configMAX_API_CALL_INTERRUPT_PRIORITY, or configMAX_SYSCALL_INTERRUPT_PRIORITY). The handler
 * acknowledges the interrupt itself, before this call.
 */
BaseType_t ivsh_freertos_doorbell(struct ivsh_freertos *port);

/*
 * The calls themselves, for a struct ivsh_mapped where the board finds and maps the device itself:
 * its ctx is a struct ivsh_freertos that went through ivsh_freertos_platform(). From the task that
 * owns the device, while the scheduler runs. The sleep ends up to one tick late.
 */
uint64_t ivsh_freertos_now_ns(void *ctx);
void ivsh_freertos_sleep(void *ctx, uint32_t seen, uint64_t deadline_ns);
uint32_t ivsh_freertos_count(void *ctx);

#ifdef __cplusplus
}
#endif
#endif
