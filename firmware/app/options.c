/* SPDX-License-Identifier: MIT */
/*
 * options.c - a command's words and options.
 */
#include "app/options.h"

#include <ivsh/platform.h>

#include <stdio.h>
#include <string.h>

bool options_number(const char *text, uint64_t least, uint64_t most, uint64_t *value)
{
	unsigned base = 10;
	uint64_t number = 0;

	if (text[0] == '0' && (text[1] == 'x' || text[1] == 'X')) {
		base = 16;
		text += 2;
	}
	if (*text == '\0')
		return false;
	for (; *text; text++) {
		unsigned digit;

		if (*text >= '0' && *text <= '9')
			digit = (unsigned)(*text - '0');
		else if (base == 16 && (*text | 32) >= 'a' && (*text | 32) <= 'f')
			digit = (unsigned)((*text | 32) - 'a') + 10;
		else
			return false;
		if (number > (most - digit) / base)
			return false;
		number = number * base + digit;
	}
	*value = number;
	return number >= least;
}

enum kind {
	FLAG,
	TEXT,
	NUMBER
};

/* One option: where it goes, and what it may be. */
struct option {
	const char *name;
	enum kind kind;
	uint64_t least, most;
};

static const struct option table[] = {
    {"--device", TEXT, 0, 0},
    {"--slot", NUMBER, 0, 65535},
    {"--slots", NUMBER, 2, 256},
    {"--name", TEXT, 0, 0},
    {"--fresh", FLAG, 0, 0},
    {"--peer", TEXT, 0, 0},
    {"--peers", NUMBER, 1, 255},
    {"--count", NUMBER, 0, UINT32_MAX},
    {"--size", NUMBER, 0, UINT32_MAX},
    {"--port", NUMBER, 0, 65535},
    {"--timeout", NUMBER, 0, 86400},
    {"--quiet", FLAG, 0, 0},
    {"--wait", TEXT, 0, 0},
    {"--spin", NUMBER, 0, 10000000},
    {"--vectors", NUMBER, 0, 2048},
    {"--help", FLAG, 0, 0},
    {"--version", FLAG, 0, 0},
};

/* What the host tool has, and the UEFI Shell for all of its commands, besides. */
static const struct {
	const char *name, *option;
} shorts[] = {{"-h", "--help"}, {"-?", "--help"}, {"-v", "--version"}, {"-w", "--wait"}};

/* --wait's words, in the order of enum ivsh_wait_mode. */
static const char *const waits[] = {"poll", "spin", "sleep"};

const char *options_wait_name(enum ivsh_wait_mode mode)
{
	return waits[mode];
}

static bool wait_parse(struct options *o, const char *text)
{
	for (unsigned i = 0; i < sizeof(waits) / sizeof(waits[0]); i++)
		if (strcmp(text, waits[i]) == 0) {
			o->wait = (enum ivsh_wait_mode)i;
			return true;
		}
	fprintf(stderr, "ivsh: --wait=%s: poll, spin or sleep\n", text);
	return false;
}

/* (digits) hexadecimal ones, and the character behind them. Answers what is left, or NULL. */
static const char *place_part(const char *text, unsigned digits, char behind, uint32_t *part)
{
	*part = 0;
	for (unsigned i = 0; i < digits; i++, text++) {
		if (*text >= '0' && *text <= '9')
			*part = *part * 16 + (uint32_t)(*text - '0');
		else if ((*text | 32) >= 'a' && (*text | 32) <= 'f')
			*part = *part * 16 + (uint32_t)((*text | 32) - 'a') + 10;
		else
			return NULL;
	}
	return *text != behind ? NULL : behind ? text + 1 : text;
}

/* "00:04.0", or with a segment "0000:00:04.0". */
static bool place_parse(const char *text, uint32_t *function)
{
	uint32_t segment, bus, device, number;
	const char *rest = place_part(text, 4, ':', &segment);

	if (!rest) {
		segment = 0;
		rest = text;
	}
	rest = place_part(rest, 2, ':', &bus);
	rest = rest ? place_part(rest, 2, '.', &device) : NULL;
	rest = rest ? place_part(rest, 1, '\0', &number) : NULL;
	if (!rest || device > 31 || number > 7)
		return false;
	*function = segment << 16 | IVSH_PCI_FUNCTION(bus, device, number);
	return true;
}

static bool device_parse(struct options_device *device, const char *text)
{
	uint64_t number;

	device->text = text;
	device->is_place = place_parse(text, &device->number);
	if (device->is_place)
		return true;
	if (options_number(text, 0, 255, &number)) {
		device->number = (uint32_t)number;
		return true;
	}
	fprintf(stderr,
	    "ivsh: --device=%s: not a number from 0 to 255, nor a bus address such as 00:04.0\n",
	    text);
	return false;
}

/* In the order of the table. */
static bool store(struct options *o, unsigned which, const char *text, uint64_t number)
{
	switch (which) {
	case 0:
		if (o->device_count == OPTIONS_DEVICES) {
			fprintf(stderr, "ivsh: --device: at most %d times\n", OPTIONS_DEVICES);
			return false;
		}
		if (!device_parse(&o->device, text))
			return false;
		o->devices[o->device_count++] = o->device;
		break;
	case 1:
		o->slot = (uint32_t)number;
		o->slot_given = true;
		break;
	case 2:
		o->slots = (uint32_t)number;
		break;
	case 3:
		o->name = text;
		break;
	case 4:
		o->fresh = true;
		break;
	case 5:
		o->peer = text;
		break;
	case 6:
		o->peers = (uint32_t)number;
		break;
	case 7:
		o->count = (uint32_t)number;
		o->count_given = true;
		break;
	case 8:
		o->size = (uint32_t)number;
		break;
	case 9:
		o->port = (uint16_t)number;
		break;
	case 10:
		o->timeout_ns = number * 1000000000;
		break;
	case 11:
		o->quiet = true;
		break;
	case 12:
		return wait_parse(o, text);
	case 13:
		o->spin_ns = number * 1000;
		o->spin_given = true;
		break;
	case 14:
		o->vectors = (uint32_t)number;
		break;
	case 15:
		o->help = true;
		break;
	case 16:
		o->version = true;
		break;
	}
	return true;
}

/* One option, whose value may be the word behind it: (next), or NULL. *took: it was. */
static bool option_parse(struct options *o, const char *text, const char *next, bool *took)
{
	size_t length = strcspn(text, "=");
	const char *value = text[length] ? text + length + 1 : NULL;

	*took = false;

	for (unsigned i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		const struct option *t = &table[i];
		uint64_t number = 0;

		if (strlen(t->name) != length || strncmp(t->name, text, length) != 0)
			continue;
		*took = t->kind != FLAG && !value && next;
		if (*took)
			value = next;
		if ((t->kind == FLAG) != (value == NULL)) {
			fprintf(stderr, "ivsh: %s: %s\n", t->name,
			    t->kind == FLAG ? "takes no value" : "needs a value: --option=VALUE");
			return false;
		}
		if (t->kind == NUMBER && !options_number(value, t->least, t->most, &number)) {
			fprintf(stderr, "ivsh: %s=%s: not a number from %lu to %lu\n", t->name,
			    value, (unsigned long)t->least, (unsigned long)t->most);
			return false;
		}
		return store(o, i, value, number);
	}
	fprintf(stderr, "ivsh: %s: no such option; try 'help'\n", text);
	return false;
}

/* The option that (text) is, by its long name; NULL: it is a word. */
static const char *option_name(const char *text)
{
	if (text[0] == '-' && text[1] == '-')
		return text;
	for (unsigned i = 0; i < sizeof(shorts) / sizeof(shorts[0]); i++)
		if (strcmp(text, shorts[i].name) == 0)
			return shorts[i].option;
	return NULL;
}

bool options_parse(struct options *o, int argc, char **argv)
{
	bool all_words = false, took;

	memset(o, 0, sizeof(*o));
	o->wait = IVSH_WAIT_SPIN;
	o->slots = 8;
	o->peers = 1;
	o->size = 64;
	o->port = 1;
	o->vectors = 128;
	for (int i = 1; i < argc; i++) {
		const char *option = all_words ? NULL : option_name(argv[i]);

		if (option && strcmp(option, "--") == 0) {
			all_words = true;
		} else if (option) {
			if (!option_parse(o, option, i + 1 < argc ? argv[i + 1] : NULL, &took))
				return false;
			i += took;
		} else if (o->words == OPTIONS_WORDS) {
			fprintf(stderr, "ivsh: more than %d words: put the text in quotes\n",
			    OPTIONS_WORDS);
			return false;
		} else {
			o->word[o->words++] = argv[i];
		}
	}
	return true;
}
