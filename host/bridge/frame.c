/* SPDX-License-Identifier: MIT */
/*
 * frame.c - what stands before the bytes of each message on the bus.
 */
#include "bridge/frame.h"

#include <string.h>

#define MAGIC UINT32_C(0x01425649) /* "IVB", and version 1 */

static void put(uint8_t *out, uint64_t value, uint32_t size)
{
	for (uint32_t i = 0; i < size; i++)
		out[i] = (uint8_t)(value >> 8 * i);
}

static uint64_t get(const uint8_t *bytes, uint32_t size)
{
	uint64_t value = 0;

	for (uint32_t i = 0; i < size; i++)
		value |= (uint64_t)bytes[i] << 8 * i;
	return value;
}

void frame_write(uint8_t out[FRAME_SIZE], const struct frame *frame)
{
	put(out, MAGIC, 4);
	put(out + 4, frame->flags, 4);
	put(out + 8, frame->epoch, 8);
	put(out + 16, frame->number, 8);
	put(out + 24, frame->incarnation, 4);
	put(out + 28, 0, 4);
}

bool frame_read(struct frame *frame, const void *bytes, size_t size)
{
	const uint8_t *in = bytes;

	if (size < FRAME_SIZE || get(in, 4) != MAGIC)
		return false;
	frame->flags = (uint32_t)get(in + 4, 4);
	frame->epoch = get(in + 8, 8);
	frame->number = get(in + 16, 8);
	frame->incarnation = (uint32_t)get(in + 24, 4);
	return frame->epoch != 0;
}

size_t frame_services_write(uint8_t *out, const struct ivsh_service *services, uint32_t count)
{
	uint8_t *at = out;

	for (uint32_t i = 0; i < count && i < FRAME_SERVICES; i++) {
		size_t length = strnlen(services[i].name, sizeof(services[i].name) - 1);

		if (length == 0)
			continue;
		put(at, services[i].port, 2);
		at[2] = (uint8_t)length;
		memcpy(at + 3, services[i].name, length);
		at += 3 + length;
	}
	return (size_t)(at - out);
}

uint32_t frame_services_read(
    struct ivsh_service services[FRAME_SERVICES], const uint8_t *bytes, size_t size)
{
	uint32_t count = 0;

	while (count < FRAME_SERVICES && size > 3) {
		struct ivsh_service *service = &services[count];
		size_t length = bytes[2];

		if (length == 0 || length >= sizeof(service->name) || length > size - 3)
			break;
		memset(service, 0, sizeof(*service));
		service->port = (uint16_t)get(bytes, 2);
		for (size_t i = 0; i < length; i++) {
			uint8_t c = bytes[3 + i];

			if (c < 0x20 || c > 0x7e)
				return count;
			service->name[i] = (char)c;
		}
		bytes += 3 + length;
		size -= 3 + length;
		count++;
	}
	return count;
}

enum frame_order frame_order(uint64_t last, uint64_t number)
{
	if (number <= last)
		return FRAME_REPEATED;
	return number - last == 1 ? FRAME_NEXT : FRAME_GAP;
}
