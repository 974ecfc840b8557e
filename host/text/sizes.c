/* SPDX-License-Identifier: MIT */
/*
 * sizes.c - numbers as users write them.
 */
#include "text/sizes.h"

#include <ctype.h>
#include <stddef.h>
#include <string.h>

/* Read digits, saturating. Answers where they end; NULL: there are none. */
static const char *parse_digits(const char *text, uint64_t *value)
{
	const char *at = text;

	*value = 0;
	for (; *at >= '0' && *at <= '9'; at++) {
		uint64_t digit = (uint64_t)(*at - '0');

		if (*value > (UINT64_MAX - digit) / 10)
			*value = UINT64_MAX;
		else
			*value = *value * 10 + digit;
	}
	return at == text ? NULL : at;
}

const char *sizes_parse(const char *text, uint64_t *size)
{
	static const char suffixes[] = "KMGT";
	uint64_t value;
	unsigned shift = 0;
	const char *end = parse_digits(text, &value);

	if (!end)
		return "not a size: give a number, as in 4194304, 4096K, 4M, 1G";
	if (*end) {
		const char *suffix = strchr(suffixes, toupper((unsigned char)*end));

		if (!suffix || end[1])
			return "not a size: after the digits comes K, M, G or T, and nothing else";
		shift = 10 * (unsigned)(suffix - suffixes + 1);
	}
	if (value == 0)
		return "a region has at least one byte";
	if (value > SIZES_MOST >> shift)
		return "more than 1T (2^40 bytes), which no common machine can place in a BAR";
	*size = value << shift;
	return NULL;
}

/* Digits behind a point, as a part of 1. Answers where they end; there may be none. */
static const char *parse_fraction(const char *text, double *fraction)
{
	double unit = 1;

	*fraction = 0;
	for (; *text >= '0' && *text <= '9'; text++) {
		unit /= 10;
		*fraction += unit * (*text - '0');
	}
	return text;
}

static const char *parse_hexadecimal(const char *text, uint64_t *size)
{
	uint64_t value = 0;

	if (!isxdigit((unsigned char)*text))
		return "not a size: after 0x come hexadecimal digits";
	for (; isxdigit((unsigned char)*text); text++) {
		unsigned char c = (unsigned char)tolower((unsigned char)*text);

		if (value <= SIZES_MOST)
			value = value * 16 + (uint64_t)(c <= '9' ? c - '0' : c - 'a' + 10);
	}
	*size = value;
	return *text ? "not a size: behind hexadecimal digits comes nothing" : NULL;
}

static const char *parse_scaled(const char *text, uint64_t *size)
{
	static const char suffixes[] = "BKMGTPE";
	const char *suffix = suffixes;
	double fraction = 0;
	uint64_t value;
	const char *end = parse_digits(text, &value);

	if (!end)
		return "not a size: give a number, as in 4194304, 0x400000, 4M, 1.5G";
	if (*end == '.')
		end = parse_fraction(end + 1, &fraction);
	if (*end) {
		suffix = strchr(suffixes, toupper((unsigned char)*end));
		if (!suffix || end[1])
			return "not a size: after the digits comes B, K, M, G, T, P or E";
	}
	if (fraction > 0 && suffix == suffixes)
		return "not a size: a part of a byte";
	if (value > SIZES_MOST >> 10 * (suffix - suffixes))
		value = SIZES_MOST + 1;
	else
		value =
		    (value << 10 * (suffix - suffixes)) +
		    (uint64_t)(fraction * (double)(UINT64_C(1) << 10 * (suffix - suffixes)) + 0.5);
	*size = value;
	return NULL;
}

const char *sizes_parse_qemu(const char *text, uint64_t *size)
{
	const char *wrong;
	uint64_t value;

	while (isspace((unsigned char)*text))
		text++;
	text += *text == '+';
	if (text[0] == '0' && (text[1] == 'x' || text[1] == 'X'))
		wrong = parse_hexadecimal(text + 2, &value);
	else
		wrong = parse_scaled(text, &value);
	if (wrong)
		return wrong;
	if (value == 0)
		return "a region has at least one byte";
	if (value > SIZES_MOST)
		return "more than 1T (2^40 bytes), which no common machine can place in a BAR";
	*size = value;
	return NULL;
}

uint64_t sizes_round(uint64_t size)
{
	uint64_t round = SIZES_LEAST;

	while (round < size)
		round <<= 1;
	return round;
}

const char *sizes_count(const char *text, uint32_t least, uint32_t most, uint32_t *count)
{
	uint64_t value;
	const char *end = parse_digits(text, &value);

	if (!end || *end)
		return "not a number";
	if (value < least || value > most)
		return "out of range";
	*count = (uint32_t)value;
	return NULL;
}

const char *sizes_mode(const char *text, uint32_t *mode)
{
	uint32_t value = 0;
	const char *at = text;

	for (; *at >= '0' && *at <= '7' && value <= 0777; at++)
		value = value * 8 + (uint32_t)(*at - '0');
	if (at == text || *at || value > 0777)
		return "not a mode: give octal digits, 0 to 0777, as in 0660";
	*mode = value;
	return NULL;
}

const char *sizes_page(const char *text, uint64_t *page)
{
	uint64_t size;
	const char *wrong = sizes_parse(text, &size);

	if (wrong)
		return wrong;
	if (size <= SIZES_LEAST || (size & (size - 1)) != 0)
		return "not the size of a huge page: give 2M or 1G, or another that"
		       " /sys/kernel/mm/hugepages lists";
	*page = size;
	return NULL;
}
