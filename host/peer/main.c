/* SPDX-License-Identifier: MIT */
/*
 * main.c - ivsh: picks the command.
 */
#include "peer/commands.h"
#include "process/inherited.h"
#include "peer/options.h"
#include "peer/output.h"
#include "app/status.h"
#include "peer/stop.h"

#include <ivsh/channel.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

/* A command. Adding one is adding a row here. */
struct command {
	const char *name;
	int (*run)(const struct options *options);
	unsigned least, most; /* words, the command included */
	uint16_t port;        /* unless --port is given */
	const char *options;  /* letters of options.c that mean something to it */
	const char *synopsis; /* behind the name */
	const char *help;
};

/* What every peer can be told. */
#define PEER_OPTIONS "SfLNFTPw"

static const struct command commands[] = {
    {"ls", ls_run, 1, 1, 0, "SfL", "", "show the region, the server and who is there"},
    {"watch", watch_run, 1, 1, 0, "SfLNFTC", "",
	"print who comes and goes; with --count: so many lines, then end"},
    {"send", send_run, 3, UINT32_MAX, IVSH_PORT_TEXT, PEER_OPTIONS, "PEER TEXT...",
	"send one message; TEXT -: what stdin holds"},
    {"recv", recv_run, 1, 1, IVSH_PORT_TEXT, PEER_OPTIONS "CR", "",
	"print --count messages (1; 0: for ever)"},
    {"ping", ping_run, 2, 2, IVSH_PORT_ECHO, PEER_OPTIONS "CZ", "PEER",
	"time --count round trips (1000) of --size bytes (64)"},
    {"echo", echo_run, 1, 1, IVSH_PORT_ECHO, PEER_OPTIONS "C", "",
	"send back what arrives, from each -S; with --count: so many, then end"},
    {"put", put_run, 3, 3, IVSH_PORT_FILE, PEER_OPTIONS, "PEER FILE",
	"send a file of any size to a peer that runs get; FILE -: stdin"},
    {"get", get_run, 3, 3, IVSH_PORT_FILE, PEER_OPTIONS, "PEER FILE",
	"receive a file from a peer that runs put; FILE -: stdout"},
};

static const char help_options[] =
    "\n"
    "PEER is a slot's number, or its peer's name; PEER:SERVICE takes the port of a service that\n"
    "it offers, as ls shows them: recv offers \"text\", echo \"echo\".\n"
    "\n"
    "  -S, --socket PATH      the socket of ivsh-server\n"
    "                         (/run/ivsh.sock for root, else $XDG_RUNTIME_DIR/ivsh.sock)\n"
    "  -f, --file FILE        no server: a file or an object in /dev/shm, as ivshmem-plain has\n"
    "      --slot N           with -f: who we are; slot 0 formats a memory that is empty\n"
    "      --name TEXT        how others shall see us, up to 31 characters\n"
    "      --fresh            drop what was sent to the slot before\n"
    "      --timeout SECONDS  give up when nothing comes for so long; 0: never\n"
    "                         (send, ping, put, get: 5; recv, echo: 0)\n"
    "      --port N           (send, recv: 1; put, get: 4; ping, echo: 7)\n"
    "      --count N          how many\n"
    "      --size BYTES       of ping's messages\n"
    "      --raw-output       recv: the bytes as they are, and nothing else\n"
    "  -w, --wait MODE        poll: never sleep; sleep: at once; spin: after 50 us (the default)\n"
    "  -h, -?, --help         show this\n"
    "  -v, --version          show the version\n";

static void main_help(void)
{
	printf("Usage: ivsh [OPTION]... COMMAND\n"
	       "A peer of an ivshmem region, on the command line.\n\n");
	for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
		const struct command *c = &commands[i];
		int used = printf("  %s%s%s", c->name, *c->synopsis ? " " : "", c->synopsis);

		printf("%*s%s\n", used < 21 ? 21 - used : 1, "", c->help);
	}
	fputs(help_options, stdout);
}

/* Whether (options) are the command's. Answers OPTIONS_GO or the exit status. */
static int main_check(const struct command *command, const struct options *options)
{
	const char *stranger = options_stranger(options, command->options);

	if (stranger) {
		fprintf(stderr, "ivsh: %s: --%s means nothing here\n", command->name, stranger);
		return STATUS_USAGE;
	}
	if (options->socket_count > 1 && command->run != echo_run) {
		fprintf(stderr, "ivsh: %s: -S: only once; echo takes several\n", command->name);
		return STATUS_USAGE;
	}
	if (options->words < command->least) {
		fprintf(stderr, "ivsh: %s: give %s\n", command->name, command->synopsis);
		return STATUS_USAGE;
	}
	if (options->words > command->most) {
		fprintf(stderr, "ivsh: %s: %s: one word too many\n", command->name,
		    options->word[command->most]);
		return STATUS_USAGE;
	}
	return OPTIONS_GO;
}

static int main_run(const struct command *command, struct options *options)
{
	int status = main_check(command, options), output;

	if (status != OPTIONS_GO)
		return status;
	if (!options->port_given)
		options->port = command->port;
	stop_guard();
	status = command->run(options);
	output = output_flush();
	return status ? status : output;
}

int main(int argc, char **argv)
{
	static struct options options;
	sigset_t kept;
	bool help;
	int status;

	/* nohup(1) is asked for; whatever else is ignored or blocked is its parent's affair. */
	sigemptyset(&kept);
	sigaddset(&kept, SIGHUP);
	if (inherited_reset(NULL, &kept))
		return 1;
	/* getopt_long() names it in its own lines. */
	program_invocation_name = argv[0] = program_invocation_short_name;
	status = options_parse(&options, argc, argv, &help);
	if (status != OPTIONS_GO)
		return status;
	if (help) {
		main_help();
		return output_flush();
	}
	if (options.words == 0) {
		fprintf(stderr, "ivsh: no command: try ivsh --help\n");
		return STATUS_USAGE;
	}
	for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
		if (!strcmp(options.word[0], commands[i].name))
			return main_run(&commands[i], &options);
	fprintf(stderr, "ivsh: %s: no such command: try ivsh --help\n", options.word[0]);
	return STATUS_USAGE;
}
