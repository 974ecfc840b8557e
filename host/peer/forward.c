/* SPDX-License-Identifier: MIT */
/*
 * forward.c - cat, serve and forward: streams of the region, and programs and sockets of the host.
 */
#include "peer/forward.h"

#include "app/json.h"
#include "app/status.h"
#include "forward/address.h"
#include "forward/loop.h"
#include "forward/spawn.h"
#include "peer/forward_options.h"
#include "peer/parts.h"
#include "peer/place.h"
#include "peer/stop.h"

#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define CONSOLE "console"               /* the service that shows what a guest prints */
#define TIMEOUT_NS UINT64_C(5000000000) /* for a peer to come, and to accept */

static void entered(const char *place, const struct ivsh_mem *mem)
{
	static bool said[IVSH_WIRE_SLOTS_MAX];

	parts_others(place, mem, said);
}

static bool stopped(void)
{
	return stop_signal() != 0;
}

/* What the commands share. False after a line. */
static bool loop_fill(struct loop *l, const struct options *o, const char *command)
{
	*l = (struct loop){
	    .command = command,
	    .place = place_path(),
	    .name = o->name,
	    .slot = o->slot,
	    .port = o->port,
	    .without = "the peer offers no such service: ivsh ls shows which",
	    .listener = -1,
	    .limit = (uint32_t)forward_options.limit,
	    .timeout_ns = o->given & OPTION_TIMEOUT ? o->timeout_ns : TIMEOUT_NS,
	    .stopped = stopped,
	    .entered = entered,
	    .is_json = o->json,
	};
	if (!l->place) {
		fprintf(stderr, "ivsh: %s: --pci: not with a device: give --socket or --file\n",
		    command);
		return false;
	}
	stop_listen();
	return true;
}

/* Whether (text) is PEER:SERVICE. False after a line. */
static bool is_target(const char *command, const char *text)
{
	const char *colon = strrchr(text, ':');

	if (colon && colon != text && colon[1])
		return true;
	fprintf(stderr, "ivsh: %s: %s: give PEER:SERVICE, as ivsh ls shows them\n", command, text);
	return false;
}

static bool is_service(const char *command, const char *text)
{
	if (*text && strlen(text) < IVSH_SERVICE_NAME_SIZE && !strchr(text, ':'))
		return true;
	fprintf(stderr, "ivsh: %s: %s: a service has a name of 1 to %u characters, without ':'\n",
	    command, text, (unsigned)IVSH_SERVICE_NAME_SIZE - 1);
	return false;
}

/* --- cat ------------------------------------------------------------------------------------ */

static bool cat_established(struct loop *l, struct flow *f)
{
	(void)l;
	f->out = STDOUT_FILENO;
	f->is_blocking = true;
	if (forward_options.with_stdin || !isatty(STDIN_FILENO))
		f->in = STDIN_FILENO;
	else
		f->up.has_all = true;
	return true;
}

/* The word of cat: PEER:SERVICE; a PEER alone means its console. NULL after a line. */
static const char *cat_target(const char *word, char *made, size_t size)
{
	if (strchr(word, ':'))
		return is_target("cat", word) ? word : NULL;
	if (*word && snprintf(made, size, "%s:" CONSOLE, word) < (int)size)
		return made;
	fprintf(stderr, "ivsh: cat: \"%s\": no name: give PEER or PEER:SERVICE\n", word);
	return NULL;
}

int cat_command(const struct world *world, const struct options *o)
{
	char made[64];
	struct flow *f;
	struct loop l;
	const char *target = cat_target(o->word[1], made, sizeof(made));

	(void)world;
	if (!target || !loop_fill(&l, o, "cat"))
		return STATUS_USAGE;
	l.target = target;
	if (target == made)
		l.without = "the peer offers no console: its command takes --console";
	l.is_single = true;
	l.established = cat_established;
	f = loop_begin(&l);
	return f ? loop_run(&l) : STATUS_FAILED;
}

/* --- serve ---------------------------------------------------------------------------------- */

static bool serve_established(struct loop *l, struct flow *f)
{
	char *const *argv = l->own;
	int error = spawn_start(argv, &f->child, &f->in, &f->out);

	f->is_pipe = true;
	if (error)
		fprintf(stderr, "ivsh: serve: %s: %s\n", argv[0], strerror(error));
	return error == 0;
}

int serve_command(const struct world *world, const struct options *o)
{
	struct loop l;

	(void)world;
	if (!is_service("serve", o->word[1]) || !loop_fill(&l, o, "serve"))
		return STATUS_USAGE;
	/* The program's words end where ours do. */
	o->word[o->words] = NULL;
	l.service = o->word[1];
	l.established = serve_established;
	l.own = &o->word[2];
	return loop_run(&l);
}

/* --- forward -------------------------------------------------------------------------------- */

static bool forward_established(struct loop *l, struct flow *f)
{
	const struct address *a = l->own;

	f->in = f->out = address_connect(a, &f->is_connecting);
	f->is_socket = true;
	if (f->in < 0)
		fprintf(stderr, "ivsh: forward: %s: connect: %s\n", a->text, strerror(errno));
	return f->in >= 0;
}

static int reverse_run(struct loop *l, const struct options *o)
{
	struct address address;

	if (!is_service("forward", o->word[1]) || !address_parse(&address, o->word[2]))
		return STATUS_USAGE;
	l->service = o->word[1];
	l->established = forward_established;
	l->own = &address;
	return loop_run(l);
}

/* The port that the kernel has chosen is in the line. */
static void listening_print(const struct address *a, int fd, bool json)
{
	struct sockaddr_storage bound;
	socklen_t size = sizeof(bound);
	struct json line;

	if (json) {
		json_begin(&line, "listening");
		json_text(&line, "command", "forward");
		json_text(&line, "address", a->text);
		if (a->socket.ss_family != AF_UNIX &&
		    getsockname(fd, (struct sockaddr *)&bound, &size) == 0)
			json_u64(&line, "port", ntohs(((struct sockaddr_in *)&bound)->sin_port));
		json_end(&line);
	} else if (a->socket.ss_family == AF_UNIX ||
		   getsockname(fd, (struct sockaddr *)&bound, &size))
		printf("forward: listens at %s\n", a->text);
	else
		/* The port is at the same place in both forms. */
		printf("forward: listens at %s, port %u\n", a->text,
		    ntohs(((struct sockaddr_in *)&bound)->sin_port));
	fflush(stdout);
}

int forward_command(const struct world *world, const struct options *o)
{
	struct address address;
	struct loop l;
	int status;

	(void)world;
	if (!loop_fill(&l, o, "forward"))
		return STATUS_USAGE;
	if (forward_options.reverse)
		return reverse_run(&l, o);
	if (!address_parse(&address, o->word[1]) || !is_target("forward", o->word[2]))
		return STATUS_USAGE;
	if (!address.is_loopback && !forward_options.any_address) {
		fprintf(stderr,
		    "ivsh: forward: %s: others than this machine reach it: with --any only\n",
		    address.text);
		return STATUS_USAGE;
	}
	l.target = o->word[2];
	l.listener = address_listen(&address);
	if (l.listener < 0)
		return STATUS_FAILED;
	listening_print(&address, l.listener, o->json);
	status = loop_run(&l);
	close(l.listener);
	address_remove(&address);
	return status;
}
