/* SPDX-License-Identifier: MIT */
/*
 * options.c - a command's words and options. Options may stand before and after the command.
 */
#include "app/options.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define TIMEOUT_MOST 86400u /* a day, in seconds */
#define SPIN_MOST 10000000u /* ten seconds, in microseconds */

#define FIELD(member) offsetof(struct options, member)

/* The options of all worlds. A world adds a table of its own. */
static const struct option common[] = {
    {"slot", "", "N", "who we are where nobody gives slots; slot 0 formats an empty memory",
	OPTION_SLOT, OPTION_U32, FIELD(slot), 0, IVSH_WIRE_SLOTS_MAX - 1, NULL},
    {"slots", "", "N", "slots to format an empty memory with (8)", OPTION_SLOTS, OPTION_U32,
	FIELD(slots), 2, IVSH_WIRE_SLOTS_MAX, NULL},
    {"name", "", "TEXT", "how others see us, up to 31 characters", OPTION_NAME, OPTION_LABEL,
	FIELD(name), 0, 0, NULL},
    {"discard-backlog", "", NULL, "drop what was sent to the slot before", OPTION_DISCARD,
	OPTION_FLAG, FIELD(discard), 0, 0, NULL},
    {"send-only", "", "SLOTS", "never read what comes from 0,2-3 or all; they are told",
	OPTION_ONE_WAY, OPTION_WAYS, 0, 0, IVSH_SEND_ONLY, NULL},
    {"receive-only", "", "SLOTS", "never send to them; they are told", OPTION_ONE_WAY, OPTION_WAYS,
	0, 0, IVSH_RECEIVE_ONLY, NULL},
    {"timeout", "", "SECONDS",
	"give up when nothing comes for so long; 0: never (send, ping, put, get: 5)",
	OPTION_TIMEOUT, OPTION_SECONDS, FIELD(timeout_ns), 0, TIMEOUT_MOST, NULL},
    {"wait", "w", "MODE", "poll: never sleep; sleep: at once; spin: poll for a while first",
	OPTION_WAIT, OPTION_MODE, FIELD(wait), 0, 0, NULL},
    {"spin", "", "MICROSECONDS", "how long to poll before a sleep", OPTION_SPIN, OPTION_MICROS,
	FIELD(spin_ns), 0, SPIN_MOST, NULL},
    {"port", "", "N", "of the messages (send, recv: 1; put, get: 4; ping, echo: 7)", OPTION_PORT,
	OPTION_U16, FIELD(port), 0, UINT16_MAX, NULL},
    {"count", "", "N", "how many messages, round trips, lines or doorbells", OPTION_COUNT,
	OPTION_U32, FIELD(count), 0, UINT32_MAX, NULL},
    {"size", "", "BYTES", "of the messages (64)", OPTION_SIZE, OPTION_U32, FIELD(size), 0,
	IVSH_WIRE_AREA_MAX, NULL},
    {"peer", "", "PEER", "ping, bench, ack: with whom (the first one that is here)", OPTION_PEER,
	OPTION_TEXT, FIELD(peer), 0, 0, NULL},
    {"peers", "", "N", "demo, stress: how many others take part (1)", OPTION_PEERS, OPTION_U32,
	FIELD(peers), 1, IVSH_WIRE_SLOTS_MAX - 1, NULL},
    {"quiet", "", NULL, "info, demo, stress: print the summary only; put, get: show no progress",
	OPTION_QUIET, OPTION_FLAG, FIELD(quiet), 0, 0, NULL},
    {"raw-output", "", NULL, "recv: the bytes as they are, and nothing else", OPTION_RAW,
	OPTION_FLAG, FIELD(raw_output), 0, 0, NULL},
    {"keep-going", "", NULL, "ping: wait for a peer that has died to come back", OPTION_KEEP_GOING,
	OPTION_FLAG, FIELD(keep_going), 0, 0, NULL},
    {"histogram", "", NULL, "bench echo, ack: print how the times are spread", OPTION_BENCH,
	OPTION_FLAG, FIELD(histogram), 0, 0, NULL},
    {"vector", "", "N", "bell: which one of the peer's (0)", OPTION_BELL, OPTION_U32, FIELD(vector),
	0, 2047, NULL},
    {"interval", "", "SECONDS", "bell: from one to the next (0); top: between two looks (1)",
	OPTION_INTERVAL, OPTION_SECONDS, FIELD(interval_ns), 0, TIMEOUT_MOST, NULL},
    {"json", "", NULL, "print objects of JSON, one a line", OPTION_JSON, OPTION_FLAG, FIELD(json),
	0, 0, NULL},
    {"help", "h?", NULL, "show this", OPTION_HELP, OPTION_FLAG, 0, 0, 0, NULL},
    {"version", "v", NULL, "show the version", OPTION_VERSION, OPTION_FLAG, 0, 0, 0, NULL},
    {NULL, NULL, NULL, NULL, 0, OPTION_FLAG, 0, 0, 0, NULL},
};

/* --wait's words, in the order of enum ivsh_wait_mode. */
static const char *const waits[] = {"poll", "spin", "sleep"};

const char *options_wait_name(enum ivsh_wait_mode mode)
{
	return waits[mode];
}

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
		if (digit > most || number > (most - digit) / base)
			return false;
		number = number * base + digit;
	}
	*value = number;
	return number >= least;
}

/* Seconds, with a fraction or without, into nanoseconds. */
static bool seconds_parse(const char *text, uint64_t most, uint64_t *ns)
{
	uint64_t unit = 1000000000, seconds = 0;

	if (*text < '0' || *text > '9')
		return false;
	for (; *text >= '0' && *text <= '9'; text++) {
		seconds = seconds * 10 + (uint64_t)(*text - '0');
		if (seconds > most)
			return false;
	}
	*ns = seconds * unit;
	if (*text == '.')
		for (text++; *text >= '0' && *text <= '9'; text++) {
			unit /= 10;
			*ns += unit * (uint64_t)(*text - '0');
		}
	return *text == '\0' && *ns <= most * 1000000000;
}

static bool wait_parse(const char *text, enum ivsh_wait_mode *mode)
{
	for (unsigned i = 0; i < sizeof(waits) / sizeof(waits[0]); i++)
		if (strcmp(text, waits[i]) == 0) {
			*mode = (enum ivsh_wait_mode)i;
			return true;
		}
	fprintf(stderr, "ivsh: --wait=%s: not poll, spin or sleep\n", text);
	return false;
}

static bool label_is_good(const char *name, const char *text)
{
	size_t length = strlen(text);

	for (size_t i = 0; i < length; i++)
		if (text[i] < 0x20 || text[i] > 0x7e)
			length = IVSH_WIRE_NAME_SIZE;
	if (length < IVSH_WIRE_NAME_SIZE)
		return true;
	fprintf(
	    stderr, "ivsh: --%s: a name has at most 31 characters, all printable ASCII\n", name);
	return false;
}

/* A slot's number at *text, which moves behind it. False: there is none. */
static bool slot_take(const char **text, uint32_t *slot)
{
	const char *at = *text;

	for (*slot = 0; *at >= '0' && *at <= '9' && *slot < IVSH_WIRE_SLOTS_MAX; at++)
		*slot = *slot * 10 + (uint32_t)(*at - '0');
	if (at == *text || *slot >= IVSH_WIRE_SLOTS_MAX)
		return false;
	*text = at;
	return true;
}

/* False after a line: another option has the slot already. */
static bool way_set(struct options *o, const struct option *row, uint32_t slot, bool is_named)
{
	if (o->one_way[slot] != 0 && o->one_way[slot] != row->most) {
		fprintf(stderr,
		    "ivsh: --%s: slot %" PRIu32 ": --send-only and --receive-only: give one of"
		    " them\n",
		    row->name, slot);
		return false;
	}
	o->one_way[slot] = (uint8_t)row->most;
	if (is_named && slot >= o->one_way_slots)
		o->one_way_slots = slot + 1;
	return true;
}

/* "all", or numbers and ranges of them: 0,2-3. */
static bool ways_parse(struct options *o, const struct option *row, const char *text)
{
	bool is_all = strcmp(text, "all") == 0;
	const char *at = is_all ? "0-255" : text;

	for (;; at++) {
		uint32_t first, last;

		if (!slot_take(&at, &first))
			break;
		last = first;
		if (*at == '-') {
			at++;
			if (!slot_take(&at, &last) || last < first)
				break;
		}
		for (uint32_t slot = first; slot <= last; slot++)
			if (!way_set(o, row, slot, !is_all))
				return false;
		if (*at == '\0')
			return true;
		if (*at != ',')
			break;
	}
	fprintf(stderr, "ivsh: --%s=%s: not slots: give numbers, as in 0,2-3, or all\n", row->name,
	    text);
	return false;
}

static bool number_parse(const struct option *row, const char *text, uint64_t *number)
{
	bool good = row->kind == OPTION_SECONDS
			? seconds_parse(text, row->most, number)
			: options_number(text, row->least, row->most, number);

	if (!good)
		fprintf(stderr, "ivsh: --%s=%s: not a number %sfrom %" PRIu64 " to %" PRIu64 "\n",
		    row->name, text, row->kind == OPTION_SECONDS ? "of seconds " : "", row->least,
		    row->most);
	/* A timeout of 0 means for ever: nobody means that by the least part of a second. */
	if (good && row->kind == OPTION_SECONDS && *number == 0 && text[strspn(text, "0.")]) {
		fprintf(stderr, "ivsh: --%s=%s: less than a nanosecond\n", row->name, text);
		return false;
	}
	return good;
}

/* Store the value (text), NULL for a flag, in the field of (row). False after a line. */
static bool store(struct options *o, const struct option *row, const char *text)
{
	char *field = (char *)o + row->offset;
	uint64_t number = 0;

	o->given |= row->bit;
	switch (row->kind) {
	case OPTION_FLAG:
		if ((row->bit & (OPTION_HELP | OPTION_VERSION)) == 0)
			*(bool *)field = true;
		return true;
	case OPTION_OWN:
		return row->take(text);
	case OPTION_WAYS:
		return ways_parse(o, row, text);
	case OPTION_MODE:
		return wait_parse(text, (enum ivsh_wait_mode *)(void *)field);
	case OPTION_LABEL:
		if (!label_is_good(row->name, text))
			return false;
		break;
	case OPTION_TEXT:
		break;
	default:
		if (!number_parse(row, text, &number))
			return false;
	}
	if (row->kind == OPTION_U16)
		*(uint16_t *)(void *)field = (uint16_t)number;
	else if (row->kind == OPTION_U32)
		*(uint32_t *)(void *)field = (uint32_t)number;
	else if (row->kind == OPTION_MICROS)
		*(uint64_t *)(void *)field = number * 1000;
	else if (row->kind == OPTION_SECONDS)
		*(uint64_t *)(void *)field = number;
	else
		*(const char **)(void *)field = text;
	return true;
}

/* The row of (rows) that (text), with its dashes, names; *value: what stands behind it, or NULL. */
static const struct option *row_find(
    const struct option *rows, const char *text, const char **value)
{
	size_t length = strcspn(text, "=");

	for (; rows->name; rows++) {
		*value = NULL;
		if (text[1] != '-' && text[1] != '\0' && strchr(rows->letters, text[1])) {
			if (text[2])
				*value = text + 2 + (text[2] == '=');
			return rows;
		}
		if (text[1] == '-' && strlen(rows->name) == length - 2 &&
		    strncmp(rows->name, text + 2, length - 2) == 0) {
			if (text[length])
				*value = text + length + 1;
			return rows;
		}
	}
	return NULL;
}

/*
 * One option. Its value may be the word behind it, (next), or NULL; *took is true when it was.
 */
static bool option_parse(
    struct options *o, const struct option *own, const char *text, const char *next, bool *took)
{
	const char *value;
	const struct option *row = row_find(common, text, &value);

	if (!row)
		row = row_find(own, text, &value);
	*took = row && row->value && !value && next;
	if (*took)
		value = next;
	if (!row)
		fprintf(stderr, "ivsh: %s: no such option; try 'help'\n", text);
	else if (!row->value && value)
		fprintf(stderr, "ivsh: --%s: takes no value\n", row->name);
	else if (row->value && !value)
		fprintf(stderr, "ivsh: --%s: needs a value: --%s=%s\n", row->name, row->name,
		    row->value);
	else
		return store(o, row, value);
	return false;
}

int options_parse(struct options *o, const struct option *own, int argc, char **argv)
{
	bool all_words = false, took;

	*o = (struct options){
	    .word = argv + 1,
	    .slot = IVSH_SELF_NONE,
	    .slots = 8,
	    .wait = IVSH_WAIT_SPIN,
	    .size = 64,
	    .peers = 1,
	};
	for (int i = 1; i < argc; i++) {
		if (all_words || argv[i][0] != '-' || argv[i][1] == '\0') {
			o->word[o->words++] = argv[i];
		} else if (strcmp(argv[i], "--") == 0) {
			all_words = true;
		} else {
			if (!option_parse(
				o, own, argv[i], i + 1 < argc ? argv[i + 1] : NULL, &took))
				return -1;
			i += took;
		}
	}
	return 0;
}

static const char *stranger_among(const struct option *rows, uint64_t strangers)
{
	for (; rows->name; rows++)
		if (rows->bit & strangers)
			return rows->name;
	return NULL;
}

const char *options_stranger(const struct options *options, const struct option *own, uint64_t set)
{
	uint64_t strangers = options->given & ~set;
	const char *name = stranger_among(common, strangers);

	return name ? name : stranger_among(own, strangers);
}

static void rows_print(const struct option *rows)
{
	for (; rows->name; rows++) {
		int used = 4;

		if (!rows->help)
			continue;
		printf("  ");
		if (*rows->letters)
			used += printf("-%c, ", rows->letters[0]) - 4;
		else
			printf("    ");
		if (rows->letters[0] && rows->letters[1])
			used += printf("-%c, ", rows->letters[1]);
		used += printf(
		    "--%s%s%s", rows->name, rows->value ? "=" : "", rows->value ? rows->value : "");
		printf("%*s%s\n", used < 24 ? 25 - used : 1, "", rows->help);
	}
}

void options_print(const struct option *own)
{
	rows_print(own);
	rows_print(common);
}
