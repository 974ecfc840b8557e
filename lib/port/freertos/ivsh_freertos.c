/* SPDX-License-Identifier: MIT */
/*
 * ivsh_freertos.c - a struct ivsh_platform over FreeRTOS.
 *
 * The handler counts, then gives the semaphore. A sleeper looks at the count, then takes the
 * semaphore: a doorbell between the two leaves the semaphore given, and the sleeper goes on at
 * once. One that came while nobody slept does the same to the next sleep, which then looks again.
 */
#include "ivsh_freertos.h"

#define NS_PER_TICK (1000000000u / (uint32_t)configTICK_RATE_HZ)

/* The most that is converted at a time: 32-bit processors divide no 64 bits. sleep() takes more in
 * several steps. */
#define NS_AT_ONCE UINT32_C(4000000000)

uint64_t ivsh_freertos_now_ns(void *ctx)
{
	struct ivsh_freertos *port = ctx;
	TickType_t tick;

	if (port->counter_ns != NULL)
		return port->counter_ns();
	/* TickType_t may have 16 bits, and overflows. */
	tick = xTaskGetTickCount();
	port->ticks += (TickType_t)(tick - port->tick);
	port->tick = tick;
	return port->ticks * NS_PER_TICK;
}

uint32_t ivsh_freertos_count(void *ctx)
{
	const struct ivsh_freertos *port = ctx;

	return __atomic_load_n(&port->doorbells, __ATOMIC_ACQUIRE);
}

BaseType_t ivsh_freertos_doorbell(struct ivsh_freertos *port)
{
	BaseType_t switches = pdFALSE;

	__atomic_store_n(&port->doorbells, port->doorbells + 1, __ATOMIC_RELEASE);
	(void)xSemaphoreGiveFromISR(port->semaphore, &switches);
	return switches;
}

/* FreeRTOS ends a wait of n ticks at the nth tick from now: after n - 1 to n periods. */
static TickType_t ticks_of(uint64_t ns)
{
	uint32_t part = ns < NS_AT_ONCE ? (uint32_t)ns : NS_AT_ONCE;
	uint64_t ticks = part / NS_PER_TICK + (part % NS_PER_TICK != 0);

	/* portMAX_DELAY, of 16, 32 or 64 bits, can stand for a wait without end. */
	return ticks < portMAX_DELAY ? (TickType_t)ticks : (TickType_t)(portMAX_DELAY - 1);
}

void ivsh_freertos_sleep(void *ctx, uint32_t seen, uint64_t deadline_ns)
{
	struct ivsh_freertos *port = ctx;

	while (ivsh_freertos_count(port) == seen) {
		uint64_t now = ivsh_freertos_now_ns(port);

		if (now >= deadline_ns)
			return;
		(void)xSemaphoreTake(port->semaphore, ticks_of(deadline_ns - now));
	}
}

static void *map(void *ctx, uint64_t address, uint64_t size, enum ivsh_map kind)
{
	const struct ivsh_freertos *port = ctx;

	if (port->map != NULL)
		return port->map(address, size, kind);
	return address + size - 1 > UINTPTR_MAX ? NULL : (void *)(uintptr_t)address;
}

static int msi_open(void *ctx, uint32_t function, uint32_t index, uint64_t *address, uint32_t *data)
{
	const struct ivsh_freertos *port = ctx;

	(void)function, (void)index;
	*address = port->msi_address;
	*data = port->msi_data;
	return 0;
}

static void msi_close(void *ctx, uint32_t function, uint32_t index)
{
	(void)ctx, (void)function, (void)index; /* the interrupt stays the board's */
}

void ivsh_freertos_platform(struct ivsh_freertos *port, struct ivsh_platform *platform)
{
	bool interrupts = port->msi_address != 0;

	port->semaphore = xSemaphoreCreateBinaryStatic(&port->memory);
	*platform = (struct ivsh_platform){
	    .ctx = port,
	    .config_read = ivsh_ecam_read,
	    .config_write = ivsh_ecam_write,
	    .map = map,
	    .msi_open = interrupts ? msi_open : NULL,
	    .msi_close = interrupts ? msi_close : NULL,
	    .now_ns = ivsh_freertos_now_ns,
	    .sleep = ivsh_freertos_sleep,
	    .count = ivsh_freertos_count,
	};
}
