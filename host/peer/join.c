/* SPDX-License-Identifier: MIT */
/*
 * join.c - from the command line to the doorway, and through it into the region.
 */
#include "peer/join.h"
#include "peer/stop.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define JOIN_CONNECT_NS UINT64_C(5000000000) /* a server that lives answers in milliseconds */
#define JOIN_FORMAT_NS UINT64_C(5000000000)  /* for slot 0 to come and format; SPEC R3.5 */
#define JOIN_LOOK_NS UINT64_C(100000000)     /* how long a signal may wait meanwhile */
#define JOIN_SLOTS 8u                        /* the server formats so, unless told otherwise */

const char *join_object(const struct options *options)
{
	return options->file ? options->file : options->socket;
}

/* What may be done about it when nobody answers at the socket. */
static const char *join_hint(const char *error)
{
	static const char connect[] = "connect: ";
	const char *why = error + sizeof connect - 1;

	if (strncmp(error, connect, sizeof connect - 1) != 0)
		return "";
	if (!strcmp(why, strerror(ENOENT)) || !strcmp(why, strerror(ECONNREFUSED)))
		return ": is ivsh-server running?";
	if (!strcmp(why, strerror(EACCES)))
		return ": may you write there?";
	return "";
}

/* Whether there is nothing at all at the place: no file, or nobody who listens. */
static bool join_is_nowhere(const char *error)
{
	const char *why = strrchr(error, ':');

	return why &&
	       (!strcmp(why + 2, strerror(ENOENT)) || !strcmp(why + 2, strerror(ECONNREFUSED)));
}

/* Say in one line why there is no doorway. Answers the exit status. */
static int join_failed(const struct client *client, const struct options *options)
{
	fprintf(stderr, "ivsh: %s: %s%s\n", join_object(options), client->error,
	    join_hint(client->error));
	return join_is_nowhere(client->error) ? STATUS_NO_DEVICE : STATUS_FAILED;
}

int join_look(struct client *client, const struct options *options)
{
	if (client_probe(client, options->socket, JOIN_CONNECT_NS))
		return join_failed(client, options);
	stop_memory(join_object(options), client->memory, client->mem.size);
	return STATUS_DONE;
}

int join_doorway(struct client *client, const struct options *options)
{
	int error = options->file ? client_open_file(client, options->file, options->slot)
				  : client_connect(client, options->socket, JOIN_CONNECT_NS);

	if (error)
		return join_failed(client, options);
	stop_memory(join_object(options), client->memory, client->mem.size);
	if (options->slot == IVSH_SELF_NONE || options->slot == client->mem.self)
		return STATUS_DONE;
	fprintf(stderr, "ivsh: --slot: the server gave slot %" PRIu32 ": leave --slot out\n",
	    client->mem.self);
	client_close(client);
	return STATUS_FAILED;
}

static void join_refused_slot(
    const struct options *options, const struct ivsh_mem *mem, const struct ivsh_attach *attach)
{
	if (options->file)
		fprintf(stderr,
		    "ivsh: --slot: %" PRIu32 ": the region has slots 0 to %" PRIu32 "\n", mem->self,
		    attach->found_slots - 1);
	else
		fprintf(stderr,
		    "ivsh: %s: the server gave ID %" PRIu32 ", the region has slots 0 to %" PRIu32
		    ": this server does not give IDs again, ivsh-server does\n",
		    options->socket, mem->self, attach->found_slots - 1);
}

/* Nobody has formatted the memory. */
static void join_refused_blank(const struct options *options)
{
	if (options->file)
		fprintf(stderr,
		    "ivsh: %s: nobody has formatted the memory: slot 0 does, let it come first\n",
		    options->file);
	else
		fprintf(stderr,
		    "ivsh: %s: nobody has formatted the memory: start ivsh-server without --raw,"
		    " or a guest in slot 0 first\n",
		    options->socket);
}

void join_refused(const struct options *options, const struct ivsh_mem *mem,
    const struct ivsh_attach *attach, int error)
{
	const char *object = join_object(options);

	switch (error) {
	case IVSH_EINVAL:
		join_refused_slot(options, mem, attach);
		break;
	case IVSH_ENODEV:
		join_refused_blank(options);
		break;
	case IVSH_EPROTO:
		if (attach->found_magic)
			fprintf(stderr,
			    "ivsh: %s: the memory starts with 0x%016" PRIx64
			    ", which is not ours: give another one, or clear it if nobody else "
			    "uses it\n",
			    object, attach->found_magic);
		else
			fprintf(stderr,
			    "ivsh: %s: the region's header is damaged: clear the memory and start"
			    " again\n",
			    object);
		break;
	case IVSH_EVERSION:
		fprintf(stderr,
		    "ivsh: %s: the region has version %" PRIu32 ", features 0x%" PRIx32
		    "; this program knows version %u, features 0x0\n",
		    object, attach->found_version, attach->found_features, IVSH_WIRE_VERSION);
		break;
	case IVSH_ENOSPC:
		fprintf(stderr,
		    "ivsh: %s: the memory has %" PRIu64 " bytes, %" PRIu64
		    " are needed: bring a larger one\n",
		    object, mem->size, attach->need_size);
		break;
	case IVSH_EBUSY:
		fprintf(stderr,
		    "ivsh: %s: slot %" PRIu32 " is taken by a living peer: choose another --slot\n",
		    object, mem->self);
		break;
	default:
		fprintf(stderr, "ivsh: %s: %s\n", object, ivsh_error_text(error));
	}
}

/* Attach, waiting for up to (timeout_ns) for somebody to format the memory, and for signals. */
static int join_attach(struct ivsh_region *region, const struct ivsh_mem *mem,
    struct ivsh_attach *attach, uint64_t timeout_ns)
{
	uint64_t start = mem->doorbell.now_ns(mem->doorbell.ctx);
	int error;

	attach->timeout_ns = timeout_ns < JOIN_LOOK_NS ? timeout_ns : JOIN_LOOK_NS;
	do
		error = ivsh_region_attach(region, mem, attach);
	while (error == IVSH_ENODEV && !stop_signal() &&
	       mem->doorbell.now_ns(mem->doorbell.ctx) - start < timeout_ns);
	return error;
}

int join_region(struct ivsh_region *region, const struct client *client,
    const struct options *options, uint64_t nonce)
{
	struct ivsh_attach attach = {
	    .name = options->name,
	    .nonce = nonce,
	    .claim = options->file ? ivsh_attach_claim : NULL,
	    .discard = options->fresh ? ivsh_attach_discard : NULL,
	};
	const struct ivsh_mem *mem = &client->mem;
	uint64_t timeout_ns = options->timeout_given ? options->timeout_ns : JOIN_FORMAT_NS;
	uint64_t need;
	bool fits = ivsh_geometry_fit(mem->size, JOIN_SLOTS, &attach.format, &need) == 0;
	int error;

	if (options->timeout_given && timeout_ns == 0)
		timeout_ns = UINT64_MAX;
	/* A server formats by itself, unless it was told not to; then we do not either. A region
	 * that is there already may have fewer slots, and fit where ours would not. */
	attach.formatter = options->file && fits ? ivsh_attach_format : NULL;
	error = join_attach(region, mem, &attach, mem->self == 0 && !fits ? 0 : timeout_ns);
	if (error == IVSH_ENODEV && options->file && !fits) {
		error = IVSH_ENOSPC;
		attach.need_size = need;
	}
	if (error && !stop_signal())
		join_refused(options, mem, &attach, error);
	return error ? -1 : 0;
}
