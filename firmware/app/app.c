/* SPDX-License-Identifier: MIT */
/*
 * app.c - picks the command.
 */
#include "app/app.h"

#include "app/command.h"
#include "app/commands.h"
#include "app/json.h"
#include "app/output.h"
#include "app/status.h"

#include <ivsh/version.h>

#include <stdio.h>
#include <string.h>

/*
 * The options that name the region, our slot and our name. info takes them all, since scripts give
 * each guest a slot and a name.
 */
#define HERE (OPTION_PLACE | OPTION_SLOT | OPTION_NAME | OPTION_JSON)
#define STAY                                                                                    \
	(HERE | OPTION_SLOTS | OPTION_DISCARD | OPTION_ONE_WAY | OPTION_TIMEOUT | OPTION_WAIT | \
	    OPTION_SPIN | OPTION_NO_LOG)
#define WORDS UINT32_MAX

static int help_run(const struct world *world, const struct options *options);

/* Adding a command is adding a row here. */
static const struct command commands[] = {
    {"info", info_run, 1, 1, 0, 0, HERE | OPTION_QUIET | OPTION_EXPOSE, "",
	"show the region, the server and who is there"},
    {"ls", info_run, 1, 1, 0, 0, HERE | OPTION_QUIET | OPTION_EXPOSE, "", "another name of info"},
    {"watch", watch_run, 1, 1, 0, 0, STAY | OPTION_COUNT | OPTION_CONSOLE, "",
	"print who comes and goes; --count: so many lines, then end"},
    {"send", send_run, 3, WORDS, IVSH_PORT_TEXT, 0, STAY | OPTION_PORT, "PEER TEXT...",
	"send one message; TEXT -: what standard input holds"},
    {"recv", recv_run, 1, 1, IVSH_PORT_TEXT, 1,
	STAY | OPTION_PORT | OPTION_COUNT | OPTION_RAW | OPTION_CONSOLE, "",
	"print --count messages (1; 0: for ever)"},
    {"ping", ping_run, 1, 2, IVSH_PORT_ECHO, 1000,
	STAY | OPTION_PORT | OPTION_COUNT | OPTION_SIZE | OPTION_PEER | OPTION_KEEP_GOING, "[PEER]",
	"time --count round trips (1000) of --size bytes (64)"},
    {"echo", echo_run, 1, 1, IVSH_PORT_ECHO, 0, STAY | OPTION_PORT | OPTION_COUNT | OPTION_CONSOLE,
	"", "send back what arrives, from each place named; --count: so many"},
    {"put", put_run, 3, 3, IVSH_PORT_FILE, 0, STAY | OPTION_PORT | OPTION_QUIET, "PEER FILE",
	"send a file of any size to a peer that runs get; FILE -: stdin"},
    {"get", get_run, 3, 3, IVSH_PORT_FILE, 0, STAY | OPTION_PORT | OPTION_QUIET, "PEER FILE",
	"receive a file from a peer that runs put; FILE -: stdout"},
    {"demo", demo_run, 1, 1, 0, 64, STAY | OPTION_COUNT | OPTION_PEERS | OPTION_QUIET, "",
	"exchange --count messages (64) with --peers others, check all"},
    {"stress", stress_run, 1, 1, 0, 100000, STAY | OPTION_COUNT | OPTION_PEERS | OPTION_QUIET, "",
	"exchange --count messages of random sizes (100000), check all"},
    {"bench", bench_run, 1, 2, 0, 0, STAY | OPTION_COUNT | OPTION_SIZE | OPTION_PEER | OPTION_BENCH,
	"[echo|sink|ack]", "measure with a peer that runs that command"},
    {"sink", sink_run, 1, 1, 0, 0, STAY | OPTION_COUNT, "",
	"take what bench sink streams; --count: so many messages"},
    {"ack", ack_run, 1, 1, 0, 0, STAY | OPTION_COUNT | OPTION_PEER, "",
	"answer every doorbell with a doorbell, for bench ack"},
    {"bell", bell_run, 2, 2, 0, 1,
	OPTION_PLACE | OPTION_COUNT | OPTION_BELL | OPTION_INTERVAL | OPTION_JSON, "PEER",
	"ring a peer's doorbell --count times (1), without a slot of the region"},
    {"streams", streams_run, 1, 1, 32, 0,
	STAY | OPTION_PORT | OPTION_COUNT | OPTION_SIZE | OPTION_CONSOLE, "",
	"serve connections: stream-echo, stream-source (--size bytes), stream-sink"},
    {"help", help_run, 1, WORDS, 0, 0, UINT64_MAX, "", "show this"},
    {"version", NULL, 1, 1, 0, 0, OPTION_JSON, "",
	"show the version of the program and of the region"},
    {NULL, NULL, 0, 0, 0, 0, 0, NULL, NULL},
};

static const struct command *command_among(const struct command *rows, const char *name)
{
	while (rows && rows->name && strcmp(rows->name, name) != 0)
		rows++;
	return rows && rows->name ? rows : NULL;
}

static void commands_print(const struct command *c)
{
	for (; c && c->name; c++) {
		int used = printf("  %s%s%s", c->name, *c->synopsis ? " " : "", c->synopsis);

		printf("%*s%s\n", used < 23 ? 24 - used : 1, "", c->help);
	}
}

static int help_run(const struct world *world, const struct options *options)
{
	(void)options;
	printf("Usage: ivsh [OPTION]... [COMMAND]\n"
	       "A peer of an ivshmem region, on %s. No command means info.\n\n",
	    world->name);
	commands_print(commands);
	commands_print(world->commands);
	printf("\n"
	       "PEER is a slot's number, or its peer's name; PEER:SERVICE takes the port of a\n"
	       "service that it offers, as info shows them: recv offers \"text\", echo \"echo\".\n"
	       "\n");
	options_print(world->options);
	return output_flush();
}

static int version_run(const struct options *options)
{
	struct json json;

	if (options->json) {
		json_begin(&json, "version");
		json_text(&json, "program", IVSH_VERSION);
		json_u64(&json, "region", IVSH_WIRE_VERSION);
		json_end(&json);
	} else {
		printf("ivsh %s, region version %u\n", IVSH_VERSION, IVSH_WIRE_VERSION);
	}
	return output_flush();
}

/* Whether (options) are the command's: STATUS_DONE, or the exit status after a line. */
static int check(const struct world *world, const struct command *c, const struct options *o)
{
	const char *stranger = options_stranger(o, world->options, c->options);
	uint32_t places;

	if (stranger)
		fprintf(stderr, "ivsh: %s: --%s means nothing here\n", c->name, stranger);
	else if (o->words < c->least)
		fprintf(stderr, "ivsh: %s: give %s\n", c->name, c->synopsis);
	else if (o->words > c->most)
		fprintf(stderr, "ivsh: %s: %s: one word too many\n", c->name, o->word[c->most]);
	else if (c->run && c->run != help_run && (c->options & OPTION_PLACE) &&
		 (places = world->places()) != 1) {
		if (places == 0)
			return STATUS_USAGE;
		if (c->run == echo_run || c->run == info_run)
			return STATUS_DONE;
		fprintf(stderr, "ivsh: %s: --%s: only once; echo takes several\n", c->name,
		    world->place_option);
	} else {
		return STATUS_DONE;
	}
	return STATUS_USAGE;
}

static int command_run(int argc, char **argv, const struct world *world)
{
	static struct options options;
	static char info[] = "info";
	static char *no_words[] = {info, NULL};
	const struct command *c;
	int status, output;

	if (options_parse(&options, world->options, argc, argv))
		return STATUS_USAGE;
	if (options.given & OPTION_HELP)
		return help_run(world, &options);
	if (options.given & OPTION_VERSION)
		return version_run(&options);
	if (options.words == 0) {
		options.word = no_words;
		options.words = 1;
	}
	c = command_among(commands, options.word[0]);
	if (!c)
		c = command_among(world->commands, options.word[0]);
	if (!c) {
		fprintf(stderr, "ivsh: %s: no such command; try 'help'\n", options.word[0]);
		return STATUS_USAGE;
	}
	status = check(world, c, &options);
	if (status != STATUS_DONE)
		return status;
	if (!c->run)
		return version_run(&options);
	if ((options.given & OPTION_PORT) == 0)
		options.port = c->port;
	if ((options.given & OPTION_COUNT) == 0)
		options.count = c->count;
	status = c->run(world, &options);
	output = output_flush();
	return status ? status : output;
}

int app_main(int argc, char **argv, const struct world *world)
{
	bool verdict = argc > 1 && strcmp(argv[1], APP_VERDICT) == 0;
	int status;

	if (verdict) {
		argv[1] = argv[0];
		argv++;
		argc--;
	}
	status = command_run(argc, argv, world);
	if (verdict)
		printf("exit: %d\n", status);
	return status;
}
