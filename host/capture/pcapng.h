/* SPDX-License-Identifier: MIT */
/*
 * pcapng.h - blocks of a capture file, as draft-ietf-opsawg-pcapng lays them out.
 *
 * Each function writes one whole block at (to), in the byte order of the machine, and answers its
 * bytes: a multiple of 4. A reader finds the order in the section's first word.
 */
#ifndef CAPTURE_PCAPNG_H
#define CAPTURE_PCAPNG_H

#include <stddef.h>
#include <stdint.h>

#define PCAPNG_TEXT_MAX 256u   /* bytes of a text that are kept */
#define PCAPNG_BEGIN_MAX 2048u /* bytes of a section's header and an interface, at most */
#define PCAPNG_STATISTICS_MAX 512u
#define PCAPNG_DATA 28u  /* where a packet block has its data */
#define PCAPNG_PACKET 6u /* its type */

/* What a capture counted. */
struct pcapng_statistics {
	uint64_t start_ns, end_ns; /* of the capture, since 1970 */
	uint64_t received;         /* messages that passed: delivered, left out, and dropped */
	uint64_t dropped;
	uint64_t delivered;  /* packets in the file */
	const char *comment; /* NULL: none */
};

/* The section's header, and the description of its only interface, 0, in nanoseconds. */
size_t pcapng_begin(
    uint8_t *to, const char *name, const char *description, uint32_t link_type, uint32_t snap);

/* Bytes of a packet block with (captured) bytes of data. */
size_t pcapng_packet_size(uint32_t captured);

/*
 * What stands before and behind (captured) bytes of data, which the caller puts, or has put, at
 * to + PCAPNG_DATA. dropped: packets that were lost just before this one; NULL: it does not say.
 */
size_t pcapng_packet(
    uint8_t *to, uint64_t time_ns, uint32_t captured, uint32_t original, const uint64_t *dropped);

size_t pcapng_statistics(uint8_t *to, const struct pcapng_statistics *statistics);

#endif
