/* SPDX-License-Identifier: MIT */
/*
 * frame.c - what is published on the bus.
 */
#include "bridge/frame.h"

#include <string.h>

#define MAGIC UINT32_C(0x425649) /* "IVB", before the version */

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
	put(out, MAGIC | FRAME_VERSION << 24, 4);
	put(out + 4, frame->flags, 4);
	put(out + 8, frame->epoch, 8);
	put(out + 16, frame->number, 8);
	put(out + 24, frame->incarnation, 4);
	put(out + 28, frame->count, 4);
}

uint32_t frame_version(const void *bytes, size_t size)
{
	uint64_t magic = size < FRAME_SIZE ? 0 : get(bytes, 4);

	return (magic & 0xffffff) == MAGIC ? (uint32_t)(magic >> 24) : 0;
}

bool frame_read(struct frame *frame, const void *bytes, size_t size)
{
	const uint8_t *in = bytes;

	if (frame_version(bytes, size) != FRAME_VERSION)
		return false;
	frame->flags = (uint32_t)get(in + 4, 4);
	frame->epoch = get(in + 8, 8);
	frame->number = get(in + 16, 8);
	frame->incarnation = (uint32_t)get(in + 24, 4);
	frame->count = (uint32_t)get(in + 28, 4);
	return frame->epoch != 0;
}

uint32_t frame_length_read(const uint8_t in[FRAME_LENGTH])
{
	return (uint32_t)get(in, FRAME_LENGTH);
}

void frame_length_write(uint8_t out[FRAME_LENGTH], uint32_t length)
{
	put(out, length, FRAME_LENGTH);
}

bool frame_is_whole(const struct frame *frame, const uint8_t *bytes, size_t size)
{
	if (frame->number == 0 || frame->count == 0 || frame->count > FRAME_MESSAGES ||
	    frame->count - 1 > UINT64_MAX - frame->number)
		return false;
	if (frame->flags & FRAME_LOST)
		return frame->count == 1 && size == 0;
	for (uint32_t i = 0; i < frame->count; i++) {
		uint32_t length;

		if (size < FRAME_LENGTH)
			return false;
		length = frame_length_read(bytes);
		if (length > size - FRAME_LENGTH)
			return false;
		bytes += FRAME_LENGTH + length;
		size -= FRAME_LENGTH + length;
	}
	return size == 0;
}

void frame_received_write(uint8_t *out, const struct frame_received *received)
{
	put(out, received->epoch, 8);
	put(out + 8, received->number, 8);
	put(out + 16, received->window, 4);
	put(out + 20, 0, 4);
}

void frame_received_read(struct frame_received *received, const uint8_t *bytes)
{
	received->epoch = get(bytes, 8);
	received->number = get(bytes + 8, 8);
	received->window = (uint32_t)get(bytes + 16, 4);
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
