/* SPDX-License-Identifier: MIT */
/*
 * app.c - picks the command.
 */
#include "app/app.h"

#include "app/commands.h"
#include "app/status.h"

#include <ivsh/version.h>

#include <stdio.h>
#include <string.h>

static int help_run(const struct app_world *world, const struct options *options);

static const struct {
	const char *name;
	int (*run)(const struct app_world *world, const struct options *options);
	unsigned least, most; /* words, itself included */
	const char *help;
} commands[] = {
    {"info", info_run, 1, 1, "show each device, its region and who is there"},
    {"watch", watch_run, 1, 1, "print who comes and goes; --count=N lines, then end"},
    {"demo", demo_run, 1, 1,
	"greet --peers=N others, exchange --count=N messages, check every byte"},
    {"stress", stress_run, 1, 1, "exchange --count=N messages of random sizes, check every byte"},
    {"echo", echo_run, 1, 1,
	"send back what arrives on port 7, from each --device; --count=N: then end"},
    {"ping", ping_run, 1, 2, "time --count=N round trips of --size=BYTES to --peer=ID or name"},
    {"bench", bench_run, 1, 2, "measure with a peer that runs echo, sink or ack: bench [WHICH]"},
    {"sink", sink_run, 1, 1, "take what bench streams; --count=N: then end"},
    {"ack", ack_run, 1, 1, "answer every bell with a bell and nothing else"},
    {"send", send_run, 3, OPTIONS_WORDS, "send PEER TEXT...: one message on --port=N"},
    {"recv", recv_run, 1, 1, "print --count=N messages (1; 0: all that come) of --port=N"},
    {"help", help_run, 1, OPTIONS_WORDS, "this"},
};

#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

static int help_run(const struct app_world *world, const struct options *options)
{
	(void)options;
	printf("ivsh, %s. Commands:\n", world->name);
	for (unsigned i = 0; i < COMMANDS; i++)
		printf("  %-7s %s\n", commands[i].name, commands[i].help);
	printf("Options for all: --device=N or BUS:DEVICE.FUNCTION --slot=N --slots=N --name=TEXT\n"
	       "  --fresh --timeout=SECONDS --quiet\n"
	       "  --vectors=N --wait=poll|spin|sleep --spin=MICROSECONDS (to look before a sleep)\n"
	       "  -h, -?, --help; -v, --version\n");
	return STATUS_DONE;
}

static int command_run(int argc, char **argv, const struct app_world *world)
{
	struct options options;

	if (!options_parse(&options, argc, argv))
		return STATUS_USAGE;
	if (options.help)
		return help_run(world, &options);
	if (options.version) {
		printf("ivsh %s, region version %u\n", IVSH_VERSION, IVSH_WIRE_VERSION);
		return STATUS_DONE;
	}
	if (options.words == 0)
		options.word[options.words++] = "info";
	for (unsigned i = 0; i < COMMANDS; i++) {
		if (strcmp(options.word[0], commands[i].name) != 0)
			continue;
		if (options.words < commands[i].least) {
			fprintf(stderr, "ivsh: %s: %s\n", commands[i].name, commands[i].help);
			return STATUS_USAGE;
		}
		if (options.device_count > 1 && commands[i].run != echo_run) {
			fprintf(stderr, "ivsh: %s: --device: only once; echo takes several\n",
			    commands[i].name);
			return STATUS_USAGE;
		}
		if (options.words > commands[i].most) {
			fprintf(stderr, "ivsh: %s: %s: one word too many\n", commands[i].name,
			    options.word[commands[i].most]);
			return STATUS_USAGE;
		}
		return commands[i].run(world, &options);
	}
	fprintf(stderr, "ivsh: %s: no such command; try 'help'\n", options.word[0]);
	return STATUS_USAGE;
}

int app_main(int argc, char **argv, const struct app_world *world)
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
