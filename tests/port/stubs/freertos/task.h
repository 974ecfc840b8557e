/* SPDX-License-Identifier: MIT */
/*
 * task.h - what ivsh_freertos uses of FreeRTOS' header of this name.
 */
#ifndef STUB_FREERTOS_TASK_H
#define STUB_FREERTOS_TASK_H

#include "FreeRTOS.h"

TickType_t xTaskGetTickCount(void);

#endif
