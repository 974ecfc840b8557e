/* SPDX-License-Identifier: MIT */
/*
 * prepare.c - all that a server needs more rights for than for serving.
 */
#include "server/prepare.h"
#include "config/config.h"
#include "config/known.h"
#include "config/parse.h"
#include "config/shape.h"
#include "process/log.h"
#include "server/isolate.h"
#include "server/touch.h"
#include "wire/link.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TICK_NS 250000000u /* SPEC 4: the server's heartbeat */

static const char *environment(void)
{
	const char *place = getenv(LINK_ENVIRONMENT);

	return place ? place : getenv(LINK_ENVIRONMENT_OLDER);
}

bool prepare_is_wanted(void)
{
	return environment() != NULL;
}

/* With (is_reload) read the configuration's file again, and resolve all names again. */
static int read_options(
    struct server *server, int argc, char **argv, bool is_reload, int config, int known)
{
	int input = config >= 0 ? config : 0;

	if (known_read(is_reload ? -1 : known) ||
	    parse_command_line(&server->options, argc, argv, is_reload ? -1 : input) != PARSE_GO)
		return -1;
	server->config = is_reload ? config_keep(&server->options) : -1;
	server->known = is_reload ? known_keep() : -1;
	if (is_reload && server->known < 0)
		return -1;
	log_open(server->options.verbose);
	if (server->options.daemon)
		(void)log_open_system();
	return 0;
}

/* The names of bound slots, by slot. */
static int make_slots(struct server *server)
{
	const struct options *options = &server->options;

	server->slots = (struct slots){.count = options->slots,
	    .vectors = options->vectors,
	    .slot = server->state.slot,
	    .doorbells = server->state.doorbells,
	    .names = calloc(options->slots, sizeof(*server->slots.names))};
	if (options->classic)
		server->slots.known = calloc(options->slots, sizeof(*server->slots.known));
	if (!server->slots.names || (options->classic && !server->slots.known))
		return log_failure("slots", "%s", strerror(errno));
	for (uint32_t i = 0; i < options->bound_count; i++)
		server->slots.names[options->bound[i].slot] = options->bound[i].name;
	return 0;
}

/*
 * At a reload this process is started while another serves: remember which connections it holds a
 * copy of, to close those that end in the meantime.
 */
static int note_inherited(struct server *server)
{
	const struct state *state = &server->state;
	/*
	 * Not the state's numbers: another process writes there as yet, and this one is not
	 * isolated.
	 */
	uint32_t slots = server->options.slots, clients = slots + CLIENTS_SPARE;

	server->inherited = calloc(clients, sizeof(*server->inherited));
	server->listener = calloc(slots + 1, sizeof(*server->listener));
	if (!server->inherited || !server->listener)
		return log_failure("server", "%s", strerror(errno));
	for (uint32_t i = 0; i < clients; i++)
		server->inherited[i] = state->socket[i].fd;
	for (uint32_t i = 0; i <= slots; i++)
		server->listener[i].fd = state->listener[i].fd;
	return 0;
}

static int open_loop(struct loop *loop)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	return loop_open(loop, &set, TICK_NS);
}

/* Tell the supervisor that this server can begin, and what the next one shall read. */
static int report_ready(const struct server *server)
{
	const struct link_message ready = {.kind = LINK_READY};
	const int fds[LINK_FDS] = {server->known, server->config};
	unsigned count = (server->known >= 0) + (server->config >= 0);

	if (rebind_send(&server->rebind, server->link))
		return -1;
	if (link_send_in_time(server->link, &ready, fds, count) == 0)
		return 0;
	return log_failure("supervisor", "%s", strerror(errno));
}

int prepare(struct server *server, int argc, char **argv)
{
	int state, config, is_reload, known = -1;
	struct state_shape shape;

	/* The supervisor of an older program hands on less; state_map() reports that. */
	if (sscanf(environment(), "%d,%d,%d,%d,%d", &server->link, &state, &config, &is_reload,
		&known) < 4)
		return log_failure(LINK_ENVIRONMENT, "is the supervisor's: unset it");
	if (read_options(server, argc, argv, is_reload, config, known))
		return -1;
	shape = shape_of(&server->options);
	if (state_map(&server->state, state, &shape) || make_slots(server) ||
	    note_inherited(server) || open_loop(&server->loop) ||
	    acceptor_open(&server->acceptor) ||
	    rebind_open(&server->rebind, &server->state, &server->options))
		return -1;
	touch();
	if (isolate(&server->options, &server->is_filtered) == 0 && report_ready(server) == 0)
		return 0;
	rebind_undo(&server->rebind);
	return -1;
}
