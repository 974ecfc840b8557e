/* SPDX-License-Identifier: MIT */
/*
 * pcapng.c - blocks of a capture file.
 */
#include "capture/pcapng.h"

#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#include <ivsh/version.h>

/* Block types and options: draft-ietf-opsawg-pcapng, sections 4 and 3.5. */
#define SECTION 0x0a0d0d0au
#define INTERFACE 1u
#define STATISTICS 5u
#define BYTE_ORDER_MAGIC 0x1a2b3c4du

#define OPTION_END 0u
#define OPTION_COMMENT 1u
#define SECTION_HARDWARE 2u
#define SECTION_OS 3u
#define SECTION_APPLICATION 4u
#define INTERFACE_NAME 2u
#define INTERFACE_DESCRIPTION 3u
#define INTERFACE_RESOLUTION 9u
#define PACKET_DROPS 4u
#define STATISTICS_START 2u
#define STATISTICS_END 3u
#define STATISTICS_RECEIVED 4u
#define STATISTICS_DROPPED 5u
#define STATISTICS_DELIVERED 8u

static size_t put16(uint8_t *to, uint16_t value)
{
	memcpy(to, &value, sizeof(value));
	return sizeof(value);
}

static size_t put32(uint8_t *to, uint32_t value)
{
	memcpy(to, &value, sizeof(value));
	return sizeof(value);
}

static uint32_t round_up(uint32_t size)
{
	return (size + 3) & ~3u;
}

static size_t put_option(uint8_t *to, uint16_t code, const void *value, uint16_t size)
{
	size_t at = put16(to, code);

	at += put16(to + at, size);
	memset(to + at, 0, round_up(size));
	if (size)
		memcpy(to + at, value, size);
	return at + round_up(size);
}

static size_t put_text(uint8_t *to, uint16_t code, const char *text)
{
	return put_option(to, code, text, (uint16_t)strnlen(text, PCAPNG_TEXT_MAX));
}

static size_t put_count(uint8_t *to, uint16_t code, uint64_t count)
{
	return put_option(to, code, &count, sizeof(count));
}

/* A time has its upper half first, whatever the order of bytes. */
static size_t put_time(uint8_t *to, uint16_t code, uint64_t ns)
{
	const uint32_t halves[2] = {(uint32_t)(ns >> 32), (uint32_t)ns};

	return put_option(to, code, halves, sizeof(halves));
}

/* The block ends at (at): its size stands before and behind. */
static size_t block_end(uint8_t *block, uint32_t type, size_t at)
{
	uint32_t size = (uint32_t)(at + sizeof(uint32_t));

	put32(block, type);
	put32(block + 4, size);
	put32(block + at, size);
	return size;
}

static size_t put_section(uint8_t *to)
{
	struct utsname name;
	char text[PCAPNG_TEXT_MAX];
	size_t at = 8;

	if (uname(&name))
		memset(&name, 0, sizeof(name));
	at += put32(to + at, BYTE_ORDER_MAGIC);
	at += put16(to + at, 1);
	at += put16(to + at, 0);
	at += put32(to + at, UINT32_MAX); /* the section's length: unknown, in both words */
	at += put32(to + at, UINT32_MAX);
	at += put_text(to + at, SECTION_HARDWARE, name.machine);
	snprintf(text, sizeof(text), "%.60s %.60s", name.sysname, name.release);
	at += put_text(to + at, SECTION_OS, text);
	snprintf(text, sizeof(text), "ivsh capture %s", IVSH_VERSION);
	at += put_text(to + at, SECTION_APPLICATION, text);
	at += put_option(to + at, OPTION_END, NULL, 0);
	return block_end(to, SECTION, at);
}

size_t pcapng_begin(
    uint8_t *to, const char *name, const char *description, uint32_t link_type, uint32_t snap)
{
	static const uint8_t nanoseconds = 9;
	size_t section = put_section(to), at = 8;

	to += section;
	at += put16(to + at, (uint16_t)link_type);
	at += put16(to + at, 0);
	at += put32(to + at, snap);
	at += put_text(to + at, INTERFACE_NAME, name);
	at += put_text(to + at, INTERFACE_DESCRIPTION, description);
	at += put_option(to + at, INTERFACE_RESOLUTION, &nanoseconds, sizeof(nanoseconds));
	at += put_option(to + at, OPTION_END, NULL, 0);
	return section + block_end(to, INTERFACE, at);
}

/* The options of a packet: the drops, and their end. */
#define PACKET_OPTIONS 16u

size_t pcapng_packet_size(uint32_t captured)
{
	return PCAPNG_DATA + (size_t)round_up(captured) + PACKET_OPTIONS + sizeof(uint32_t);
}

size_t pcapng_packet(
    uint8_t *to, uint64_t time_ns, uint32_t captured, uint32_t original, const uint64_t *dropped)
{
	size_t at = 8;

	at += put32(to + at, 0); /* the interface */
	at += put32(to + at, (uint32_t)(time_ns >> 32));
	at += put32(to + at, (uint32_t)time_ns);
	at += put32(to + at, captured);
	at += put32(to + at, original);
	memset(to + at + captured, 0, round_up(captured) - captured);
	at += round_up(captured);
	if (dropped) {
		at += put_count(to + at, PACKET_DROPS, *dropped);
		at += put_option(to + at, OPTION_END, NULL, 0);
	}
	return block_end(to, PCAPNG_PACKET, at);
}

size_t pcapng_statistics(uint8_t *to, const struct pcapng_statistics *s)
{
	size_t at = 8;

	at += put32(to + at, 0);
	at += put32(to + at, (uint32_t)(s->end_ns >> 32));
	at += put32(to + at, (uint32_t)s->end_ns);
	at += put_time(to + at, STATISTICS_START, s->start_ns);
	at += put_time(to + at, STATISTICS_END, s->end_ns);
	at += put_count(to + at, STATISTICS_RECEIVED, s->received);
	at += put_count(to + at, STATISTICS_DROPPED, s->dropped);
	at += put_count(to + at, STATISTICS_DELIVERED, s->delivered);
	if (s->comment)
		at += put_text(to + at, OPTION_COMMENT, s->comment);
	at += put_option(to + at, OPTION_END, NULL, 0);
	return block_end(to, STATISTICS, at);
}
