/* SPDX-License-Identifier: MIT */
/*
 * FreeRTOS.h - what ivsh_freertos uses of FreeRTOS' header of this name, declared as its reference
 * manual says.
 */
#ifndef STUB_FREERTOS_H
#define STUB_FREERTOS_H

#include <stddef.h>
#include <stdint.h>

typedef long BaseType_t;
typedef unsigned long UBaseType_t;
/* As FreeRTOS' own aarch64 port has it; 32-bit processors have 32 bits, or 16. */
#if UINTPTR_MAX > UINT32_MAX
typedef uint64_t TickType_t;
#else
typedef uint16_t TickType_t;
#endif

/* Its size is what counts. */
typedef struct {
	void *words[16];
} StaticSemaphore_t;

#define pdFALSE ((BaseType_t)0)
#define pdTRUE ((BaseType_t)1)
#define portMAX_DELAY ((TickType_t)-1)

#define portYIELD_FROM_ISR(woken) ((void)(woken))

/* Of an application's FreeRTOSConfig.h. */
#define configASSERT(x) ((void)(x))
#define configTICK_RATE_HZ ((TickType_t)1000)

#endif
