/* SPDX-License-Identifier: MIT */
/*
 * options.c - the command line. Options may stand before and after the command.
 */
#include "peer/options.h"
#include "app/status.h"

#include <ivsh/mem.h>
#include <ivsh/version.h>
#include <ivsh/wire.h>

#include <ctype.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define OPTIONS_TIMEOUT_MOST 86400 /* a day, in seconds */

/* --wait's words, in the order of enum ivsh_wait_mode. */
static const char *const options_waits[] = {"poll", "spin", "sleep"};

/* Those in capitals but S have no short form. */
static const struct option options_long[] = {
    {"help", no_argument, NULL, 'h'},
    {"version", no_argument, NULL, 'v'},
    {"socket", required_argument, NULL, 'S'},
    {"file", required_argument, NULL, 'f'},
    {"slot", required_argument, NULL, 'L'},
    {"name", required_argument, NULL, 'N'},
    {"fresh", no_argument, NULL, 'F'},
    {"timeout", required_argument, NULL, 'T'},
    {"port", required_argument, NULL, 'P'},
    {"count", required_argument, NULL, 'C'},
    {"size", required_argument, NULL, 'Z'},
    {"raw-output", no_argument, NULL, 'R'},
    {"wait", required_argument, NULL, 'w'},
    {NULL, 0, NULL, 0},
};

static int options_usage(const char *object, const char *what)
{
	fprintf(stderr, "ivsh: %s: %s\n", object, what);
	return STATUS_USAGE;
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
		else if (base == 16 && isxdigit((unsigned char)*text))
			digit = (unsigned)(tolower((unsigned char)*text) - 'a') + 10;
		else
			return false;
		if (digit > most || number > (most - digit) / base)
			return false;
		number = number * base + digit;
	}
	*value = number;
	return number >= least;
}

/* A number that is an option's argument, into 32 bits. */
static int options_count(const char *option, const char *text, uint32_t most, uint32_t *count)
{
	uint64_t value;

	if (!options_number(text, 0, most, &value)) {
		fprintf(stderr, "ivsh: %s: %s: not a number from 0 to %u\n", option, text, most);
		return STATUS_USAGE;
	}
	*count = (uint32_t)value;
	return OPTIONS_GO;
}

/* Seconds, with a fraction or without. */
static int options_timeout(struct options *options, const char *text)
{
	size_t digits = strspn(text, "0123456789");
	bool is_number = text[digits] == '.' || !text[digits];
	double seconds;

	if (text[digits] == '.')
		is_number = text[digits + 1 + strspn(text + digits + 1, "0123456789")] == '\0';
	seconds = digits && is_number ? strtod(text, NULL) : -1;
	if (seconds < 0 || seconds > OPTIONS_TIMEOUT_MOST) {
		fprintf(stderr, "ivsh: --timeout: %s: not a number of seconds from 0 to %d\n", text,
		    OPTIONS_TIMEOUT_MOST);
		return STATUS_USAGE;
	}
	options->timeout_ns = (uint64_t)(seconds * 1e9);
	options->timeout_given = true;
	return OPTIONS_GO;
}

static int options_name(struct options *options, const char *text)
{
	size_t length = strlen(text);

	if (length >= IVSH_WIRE_NAME_SIZE)
		return options_usage("--name", "a name has at most 31 characters");
	for (size_t i = 0; i < length; i++)
		if (text[i] < 0x20 || text[i] > 0x7e)
			return options_usage(
			    "--name", "a name has printable ASCII characters only");
	options->name = text;
	return OPTIONS_GO;
}

static int options_wait(struct options *options, const char *text)
{
	for (unsigned i = 0; i < sizeof options_waits / sizeof options_waits[0]; i++)
		if (!strcmp(text, options_waits[i])) {
			options->wait = (enum ivsh_wait_mode)i;
			return OPTIONS_GO;
		}
	fprintf(stderr, "ivsh: --wait: %s: not poll, spin or sleep\n", text);
	return STATUS_USAGE;
}

const char *options_wait_name(enum ivsh_wait_mode mode)
{
	return options_waits[mode];
}

/* One option but help and version. Answers OPTIONS_GO or the exit status. */
static int options_one(struct options *options, int letter, const char *argument)
{
	uint32_t number = 0;
	int status = OPTIONS_GO;

	switch (letter) {
	case 'S':
		if (options->socket_count == OPTIONS_SOCKETS)
			return options_usage("-S", "at most 8 times");
		options->socket = options->sockets[options->socket_count++] = argument;
		break;
	case 'f':
		options->file = argument;
		break;
	case 'L':
		status = options_count("--slot", argument, IVSH_WIRE_SLOTS_MAX - 1, &options->slot);
		break;
	case 'N':
		status = options_name(options, argument);
		break;
	case 'F':
		options->fresh = true;
		break;
	case 'T':
		status = options_timeout(options, argument);
		break;
	case 'P':
		status = options_count("--port", argument, UINT16_MAX, &number);
		options->port = (uint16_t)number;
		options->port_given = true;
		break;
	case 'C':
		status = options_count("--count", argument, UINT32_MAX, &options->count);
		options->count_given = true;
		break;
	case 'Z':
		status = options_count("--size", argument, IVSH_WIRE_AREA_MAX, &options->size);
		break;
	case 'R':
		options->raw_output = true;
		break;
	case 'w':
		status = options_wait(options, argument);
		break;
	default:
		return STATUS_USAGE; /* getopt_long() has said what is wrong */
	}
	options->given |= UINT64_C(1) << (letter - 'A');
	return status;
}

/* What depends on several options: where to go. */
static int options_check(struct options *options)
{
	const char *runtime = getenv("XDG_RUNTIME_DIR");

	if (options->file && options->socket)
		return options_usage("-f", "give a file or, with -S, a server's socket, not both");
	if (options->file || options->socket)
		return OPTIONS_GO;
	if (geteuid() == 0)
		runtime = "/run";
	if (!runtime || !*runtime)
		return options_usage("-S", "XDG_RUNTIME_DIR is not set: give the server's socket");
	if ((size_t)snprintf(options->default_socket, sizeof options->default_socket,
		"%s/ivsh.sock", runtime) >= sizeof options->default_socket)
		return options_usage("XDG_RUNTIME_DIR", "too long");
	options->socket = options->default_socket;
	return OPTIONS_GO;
}

int options_parse(struct options *options, int argc, char **argv, bool *help)
{
	int letter, status;

	memset(options, 0, sizeof *options);
	options->slot = IVSH_SELF_NONE;
	options->size = 64;
	options->wait = IVSH_WAIT_SPIN;
	*help = false;
	while ((letter = getopt_long(argc, argv, "hv?S:f:w:", options_long, NULL)) != -1) {
		if (letter == 'h') {
			*help = true;
			return OPTIONS_GO;
		}
		if (letter == 'v') {
			printf("ivsh %s, region version %u\n", IVSH_VERSION, IVSH_WIRE_VERSION);
			return STATUS_DONE;
		}
		/* getopt_long() answers it for what it does not know, too. */
		if (letter == '?' && !strcmp(argv[optind - 1], "-?")) {
			*help = true;
			return OPTIONS_GO;
		}
		status = options_one(options, letter, optarg);
		if (status != OPTIONS_GO)
			return status;
	}
	options->word = argv + optind;
	options->words = (unsigned)(argc - optind);
	return options_check(options);
}

const char *options_stranger(const struct options *options, const char *letters)
{
	for (const struct option *o = options_long; o->name; o++)
		if ((options->given >> (o->val - 'A') & 1) && !strchr(letters, o->val))
			return o->name;
	return NULL;
}
