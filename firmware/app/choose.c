/* SPDX-License-Identifier: MIT */
/*
 * choose.c - which of a machine's ivshmem devices a command works with.
 */
#include "app/choose.h"

#include "app/address.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* More devices than this are counted, not listed: a line is to be read. */
#define PRINT_MOST 8u

/* (digits) hexadecimal ones, and the character behind them. Answers what is left, or NULL. */
static const char *address_part(const char *text, unsigned digits, char behind, uint32_t *part)
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
static bool address_parse(const char *text, uint32_t *function)
{
	uint32_t segment, bus, device, number;
	const char *rest = address_part(text, 4, ':', &segment);

	if (!rest) {
		segment = 0;
		rest = text;
	}
	rest = address_part(rest, 2, ':', &bus);
	rest = rest ? address_part(rest, 2, '.', &device) : NULL;
	rest = rest ? address_part(rest, 1, '\0', &number) : NULL;
	if (!rest || device > 31 || number > 7)
		return false;
	*function = segment << 16 | IVSH_PCI_FUNCTION(bus, device, number);
	return true;
}

bool choose_parse(struct choose_device *device, const char *text)
{
	uint64_t number;

	device->text = text;
	device->is_address = address_parse(text, &device->number);
	if (device->is_address)
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

/* The kinds of device, as configuration space and memory show them. A later one is better. */
enum kind {
	KIND_BROKEN,   /* cannot be opened */
	KIND_FOREIGN,  /* the memory starts with something else */
	KIND_PART,     /* of a split region: its common memory is another device's */
	KIND_EMPTY,    /* ivshmem-plain, not formatted: anybody's */
	KIND_DOORBELL, /* not formatted, with a doorbell */
	KIND_OURS,     /* a region */
};

struct found {
	enum kind kind;
	int error; /* KIND_BROKEN: what the open answered */
	bool doorbell;
	uint64_t size;  /* of the memory, in bytes */
	uint64_t magic; /* its first word */
};

/* Open the device at (function) and read its first word; leave it as it was. */
static void probe(const struct machine *machine, uint32_t function, struct found *found)
{
	struct ivsh_device device;

	*found = (struct found){.kind = KIND_BROKEN};
	found->error = ivsh_device_open(&device, machine->platform, function);
	if (found->error)
		return;
	found->doorbell = device.doorbell;
	found->size = device.bar[2].size;
	memcpy(&found->magic, device.memory, sizeof(found->magic));
	ivsh_device_close(&device);
	if (found->magic == IVSH_WIRE_MAGIC)
		found->kind = KIND_OURS;
	else if (found->magic == IVSH_WIRE_PART_MAGIC)
		found->kind = KIND_PART;
	else if (found->magic != 0)
		found->kind = KIND_FOREIGN;
	else
		found->kind = found->doorbell ? KIND_DOORBELL : KIND_EMPTY;
}

void choose_print(const struct machine *machine)
{
	uint32_t function, index, count = 0;

	while (ivsh_device_find(machine->platform, count, &function) == 0)
		count++;
	fprintf(stderr, "name one by --device=");
	for (index = 0; index < count && index < PRINT_MOST; index++) {
		struct found found;

		if (ivsh_device_find(machine->platform, index, &function) != 0)
			break;
		probe(machine, function, &found);
		fprintf(stderr, "%s%" PRIu32 " (%s, ", index ? " or " : "", index,
		    address_text(function));
		if (found.kind == KIND_BROKEN)
			fprintf(stderr, "%s)", ivsh_error_text(found.error));
		else
			fprintf(stderr, "%s of %" PRIu64 " bytes, %s)",
			    found.doorbell ? "doorbell" : "plain", found.size,
			    found.magic == 0             ? "not formatted"
			    : found.kind == KIND_FOREIGN ? "not ours"
			    : found.kind == KIND_PART    ? "a part of a split region"
							 : "formatted");
	}
	fprintf(stderr, "%s\n", index < count ? " ..." : "");
}

/* Among all of them. */
static bool choose_best(const struct machine *machine, struct choice *choice)
{
	enum kind best = KIND_EMPTY;
	uint32_t function;
	bool found = false;

	for (choice->count = 0; ivsh_device_find(machine->platform, choice->count, &function) == 0;
	     choice->count++) {
		struct found one;

		probe(machine, function, &one);
		if (one.kind <= best)
			continue;
		best = one.kind;
		choice->function = function;
		choice->index = choice->count;
		found = true;
	}
	/* The only one is meant, whatever it is. */
	if (choice->count == 1)
		found = ivsh_device_find(machine->platform, 0, &choice->function) == 0;
	return found;
}

static bool choose_named(
    const struct machine *machine, const struct choose_device *device, struct choice *choice)
{
	uint32_t function;
	bool found = false;

	choice->named = true;
	for (choice->count = 0; ivsh_device_find(machine->platform, choice->count, &function) == 0;
	     choice->count++) {
		if ((device->is_address ? function : choice->count) != device->number)
			continue;
		choice->function = function;
		choice->index = choice->count;
		found = true;
	}
	return found;
}

bool choose_device(
    const struct machine *machine, const struct choose_device *device, struct choice *choice)
{
	*choice = (struct choice){0};
	if (device ? choose_named(machine, device, choice) : choose_best(machine, choice))
		return true;
	if (choice->count == 0 && machine->explain && machine->explain())
		return false;
	if (choice->count == 0)
		fprintf(stderr, "ivsh: no ivshmem device (1af4:1110) on the PCI bus: add "
				"-device ivshmem-plain or ivshmem-doorbell to QEMU\n");
	else if (device) {
		fprintf(stderr, "ivsh: --device=%s: there is none there: ", device->text);
		choose_print(machine);
	} else {
		fprintf(stderr,
		    "ivsh: %" PRIu32 " ivshmem devices, and none has a region of ours or a "
		    "doorbell: ",
		    choice->count);
		choose_print(machine);
	}
	return false;
}

bool choose_is_sure(const struct choice *choice)
{
	return choice->named || choice->count == 1;
}
