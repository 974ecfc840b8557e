/* SPDX-License-Identifier: MIT */
/*
 * numbered.c - messages that carry a number and a pattern, and what their receiver counts.
 */
#include "tests/moved/numbered.h"

#include <string.h>

#define TAG_SHIFT 32u
#define TAG_MASK 0x3fffu
#define UNSURE_BIT (UINT64_C(1) << 46)
#define FIRST_BIT (UINT64_C(1) << 47)
#define CHECK_SHIFT 48u

/* splitmix64: every bit of the answer depends on every bit of (x). */
static uint64_t mix(uint64_t x)
{
	x += UINT64_C(0x9e3779b97f4a7c15);
	x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
	return x ^ (x >> 31);
}

/* Never 0. */
static uint32_t tag_of(uint64_t nonce)
{
	return (uint32_t)(mix(nonce) % TAG_MASK) + 1;
}

static uint32_t tag_in(uint64_t word)
{
	return (uint32_t)(word >> TAG_SHIFT) & TAG_MASK;
}

/* The first word, with its check, from what stands below the check. */
static uint64_t word_of(uint64_t low, uint32_t size)
{
	return low | mix(low ^ mix(size)) << CHECK_SHIFT;
}

/* The eight bytes at (offset), behind the first word. */
static uint64_t pattern(uint64_t word, uint32_t offset)
{
	return mix(word + offset);
}

void numbered_write(struct numbered_out *out, uint64_t nonce, uint8_t *bytes, uint32_t size)
{
	uint32_t tag = tag_of(nonce);
	uint64_t word = out->next | (uint64_t)tag << TAG_SHIFT, more;

	if (tag != out->tag)
		word |= FIRST_BIT | (out->unsure ? UNSURE_BIT : 0);
	out->tried = out->next + 1;
	word = word_of(word, size);
	memcpy(bytes, &word, sizeof(word));
	for (uint32_t at = 8; at < size; at += 8) {
		more = pattern(word, at);
		memcpy(bytes + at, &more, size - at < 8 ? size - at : 8);
	}
}

void numbered_sent(struct numbered_out *out, uint64_t nonce)
{
	out->tag = tag_of(nonce);
	out->unsure = false;
	out->next++;
	out->sent++;
}

void numbered_go_on(struct numbered_out *out)
{
	if (out->tried > out->next) {
		out->next = out->tried;
		out->unsure = true;
	}
	out->tag = 0;
}

bool numbered_is_whole(const uint8_t *bytes, uint32_t size)
{
	uint64_t word, more;

	if (size < NUMBERED_SIZE_MIN)
		return false;
	memcpy(&word, bytes, sizeof(word));
	if (word != word_of(word & ((UINT64_C(1) << CHECK_SHIFT) - 1), size))
		return false;
	for (uint32_t at = 8; at < size; at += 8) {
		more = pattern(word, at);
		if (memcmp(bytes + at, &more, size - at < 8 ? size - at : 8) != 0)
			return false;
	}
	return true;
}

/* Numbers are missing, or came again: the receiver must have seen a reset. */
static void odd(struct numbered_in *in, uint32_t resets)
{
	if (resets == in->resets)
		in->silent++;
}

static void count_gap(struct numbered_in *in, uint32_t missing, uint32_t resets)
{
	in->gaps++;
	in->missing += missing;
	odd(in, resets);
}

/* The sender's number (n) of an incarnation that this receiver has not seen yet. */
static void count_first(struct numbered_in *in, uint64_t word, uint32_t resets)
{
	uint32_t n = (uint32_t)word;

	if (n == in->want + 1 && (word & FIRST_BIT) && (word & UNSURE_BIT))
		in->want = n;
	/* Without the first message, nobody knows how many are missing. */
	if (n > in->want || !(word & FIRST_BIT))
		count_gap(in, n > in->want ? n - in->want : 1, resets);
	else if (n < in->want) {
		in->rewound += in->want - n;
		odd(in, resets);
	}
	in->old = in->tag;
	in->tag = tag_in(word);
	in->want = n + 1;
}

void numbered_take(struct numbered_in *in, const uint8_t *bytes, bool whole, bool marked,
    uint32_t resets, uint64_t now_ns)
{
	uint64_t word;
	uint32_t n, tag;

	if (!whole) {
		in->wrong++;
		return;
	}
	memcpy(&word, bytes, sizeof(word));
	n = (uint32_t)word;
	tag = tag_in(word);
	in->marked += marked;
	if (in->last_ns != 0 && now_ns - in->last_ns > in->stall_ns)
		in->stall_ns = now_ns - in->last_ns;
	in->last_ns = now_ns;
	if (n < in->want && marked && (tag == in->tag || tag == in->old)) {
		in->again++;
	} else if (tag != in->tag) {
		in->taken++;
		count_first(in, word, resets);
	} else if (n < in->want) {
		in->repeated++;
		odd(in, resets);
	} else {
		in->taken++;
		if (n > in->want)
			count_gap(in, n - in->want, resets);
		in->want = n + 1;
	}
	in->resets = resets;
}
