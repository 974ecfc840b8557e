/* SPDX-License-Identifier: MIT */
/*
 * place.c - where a region is: at a server's socket, in a plain file, or in a PCI device.
 */
#include "peer/place.h"

#include "app/refuse.h"
#include "app/status.h"
#include <ivsh/client.h>
#include "client/doorbell.h"
#include "client/peers.h"
#include "peer/capture.h"
#include "peer/expose.h"
#include "peer/extcap.h"
#include "observe/dump.h"
#include "peer/folder.h"
#include "peer/forward_options.h"
#include "peer/log.h"
#include "peer/mem.h"
#include "peer/own.h"
#include "peer/parts.h"
#include "peer/pci.h"
#include "peer/plot.h"
#include "peer/stop.h"
#include "peer/tune.h"
#include "top/top.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define CONNECT_NS UINT64_C(5000000000) /* a running server answers in milliseconds */
#define SPIN_NS UINT64_C(50000)         /* about what falling asleep and waking up again takes */

static const char *sockets[WORLD_PLACES]; /* each --socket, in order */
static uint32_t socket_count;
static const char *file; /* --file; NULL: a server is used */
static char default_socket[PATH_MAX];
static struct ivsh_client clients[WORLD_PLACES]; /* by place */

static bool usage(const char *object, const char *what)
{
	fprintf(stderr, "ivsh: %s: %s\n", object, what);
	return false;
}

char place_option[8] = "socket";

static bool socket_take(const char *text)
{
	if (socket_count == WORLD_PLACES)
		return usage("--socket", "at most 8 times");
	sockets[socket_count++] = text;
	return true;
}

static bool file_take(const char *text)
{
	if (file)
		return usage("--file", "only once");
	file = text;
	return true;
}

static bool device_take(const char *text)
{
	strcpy(place_option, "pci");
	return pci_take(text);
}

/* The command finds the option among what was given. */
static bool flag_take(const char *text)
{
	(void)text;
	return true;
}

const struct option place_options[] = {
    {"socket", "S", "PATH",
	"of ivsh-server (/run/ivsh.sock for root, else $XDG_RUNTIME_DIR/ivsh.sock)", OPTION_PLACE,
	OPTION_OWN, 0, 0, 0, socket_take},
    {"file", "f", "FILE", "no server: a file, as ivshmem-plain has, or a split region's folder",
	OPTION_PLACE, OPTION_OWN, 0, 0, 0, file_take},
    {"pci", "", "auto|BDF", "in a Linux guest: its ivshmem device, such as 0000:00:02.0",
	OPTION_PLACE, OPTION_OWN, 0, 0, 0, device_take},
    {"geometry", "", "FILE", "mem create: what the rings have, from a file that tune wrote",
	OPTION_GEOMETRY, OPTION_OWN, 0, 0, 0, mem_geometry_take},
    {"plot", "", "FILE", "bench echo, ack: draw how the times are spread, in SVG", OPTION_BENCH,
	OPTION_OWN, 0, 0, 0, plot_take},
    {"log-size", "", "SIZE", "mem create: bytes of each slot's log; 0: none (what fits, to 64K)",
	OPTION_GEOMETRY, OPTION_OWN, 0, 0, 0, mem_log_size_take},
    {"split", "", NULL, "mem create: a folder, with a file for each slot (4M in all)", OPTION_SPLIT,
	OPTION_OWN, 0, 0, 0, flag_take},
    {"force", "", NULL, "mem rm: even if somebody uses it", OPTION_FORCE, OPTION_OWN, 0, 0, 0,
	flag_take},
    {"use", "", "NAME", "tune: for latency, throughput or both, balanced (balanced)", OPTION_TUNE,
	OPTION_OWN, 0, 0, 0, tune_use_take},
    {"time", "", "SECONDS", "tune: how long to measure (60); capture: then end", OPTION_TIME,
	OPTION_OWN, 0, 0, 0, own_time_take},
    {"output", "", "FILE", "tune: write the geometry there, too; capture: the packets (-: stdout)",
	OPTION_OUTPUT, OPTION_OWN, 0, 0, 0, own_output_take},
    {"from", "", "PEER", "capture: only messages from there", OPTION_CAPTURE, OPTION_OWN, 0, 0, 0,
	capture_from_take},
    {"to", "", "PEER", "capture: only messages to there", OPTION_CAPTURE, OPTION_OWN, 0, 0, 0,
	capture_to_take},
    {"snap", "", "BYTES", "capture: keep so many of a message at most (262116)", OPTION_CAPTURE,
	OPTION_OWN, 0, 0, 0, capture_snap_take},
    {"unproven", "", NULL, "capture: messages that were released already, too, marked",
	OPTION_CAPTURE, OPTION_OWN, 0, 0, 0, capture_unproven_take},
    {"layout", "", "SLOTS,DESCS,SMALL,LARGE[,LOG]",
	"dump: the geometry, where the header is damaged", OPTION_DUMP, OPTION_OWN, 0, 0, 0,
	dump_layout_take},
    {"payload", "", NULL, "dump ring, dump all: the messages' first 256 bytes, too", OPTION_DUMP,
	OPTION_OWN, 0, 0, 0, dump_payload_take},
    {"sort", "", "COLUMN", "top: by slot, name, state, out, in, bytes-out, fill...", OPTION_TOP,
	OPTION_OWN, 0, 0, 0, top_sort_take},
    {"plain", "", NULL, "top: text, also on a terminal", OPTION_TOP, OPTION_OWN, 0, 0, 0,
	top_plain_take},
    {"prometheus", "", NULL, "info, ls: metrics of the region, its peers and what they declare",
	OPTION_EXPOSE, OPTION_OWN, 0, 0, 0, expose_take},
    {"follow", "", NULL, "log: go on, also with the peer's next incarnation", OPTION_LOG,
	OPTION_OWN, 0, 0, 0, log_follow_take},
    {"bytes", "", "N", "log: begin with the last N bytes (all that are kept)", OPTION_LOG,
	OPTION_OWN, 0, 0, 0, log_bytes_take},
    {"raw", "", NULL, "log: to a terminal, too, the bytes as they are", OPTION_LOG, OPTION_OWN, 0,
	0, 0, log_raw_take},
    {"limit", "", "COUNT", "serve, forward: connections at once (256)", OPTION_FORWARD, OPTION_OWN,
	0, 0, 0, forward_limit_take},
    {"reverse", "", NULL, "forward: offer a service, and connect to a socket", OPTION_FORWARD,
	OPTION_OWN, 0, 0, 0, forward_reverse_take},
    {"any", "", NULL, "forward: listen where other machines reach it, too", OPTION_FORWARD,
	OPTION_OWN, 0, 0, 0, forward_any_take},
    {"stdin", "", NULL, "cat: send what a terminal types, too", OPTION_FORWARD, OPTION_OWN, 0, 0, 0,
	forward_stdin_take},
    /* Wireshark's, for programs that capture: help leaves them out. */
    {"extcap-interfaces", "", NULL, NULL, OPTION_CAPTURE, OPTION_OWN, 0, 0, 0,
	extcap_interfaces_take},
    {"extcap-dlts", "", NULL, NULL, OPTION_CAPTURE, OPTION_OWN, 0, 0, 0, extcap_dlts_take},
    {"extcap-config", "", NULL, NULL, OPTION_CAPTURE, OPTION_OWN, 0, 0, 0, extcap_config_take},
    {"capture", "", NULL, NULL, OPTION_CAPTURE, OPTION_OWN, 0, 0, 0, extcap_capture_take},
    {"fifo", "", "FILE", NULL, OPTION_CAPTURE, OPTION_OWN, 0, 0, 0, extcap_fifo_take},
    {"extcap-interface", "", "NAME", NULL, OPTION_CAPTURE, OPTION_OWN, 0, 0, 0, extcap_ignore_take},
    {"extcap-version", "", "VERSION", NULL, OPTION_CAPTURE, OPTION_OWN, 0, 0, 0,
	extcap_ignore_take},
    {"extcap-capture-filter", "", "TEXT", NULL, OPTION_CAPTURE, OPTION_OWN, 0, 0, 0,
	extcap_ignore_take},
    {NULL, NULL, NULL, NULL, 0, OPTION_FLAG, 0, 0, 0, NULL},
};

/* Take ivsh-server's default socket path. False after a line. */
static bool default_take(void)
{
	const char *runtime = geteuid() == 0 ? "/run" : getenv("XDG_RUNTIME_DIR");

	if (!runtime || !*runtime)
		return usage("--socket", "XDG_RUNTIME_DIR is not set: give the server's socket");
	if ((size_t)snprintf(default_socket, sizeof(default_socket), "%s/ivsh.sock", runtime) >=
	    sizeof(default_socket))
		return usage("XDG_RUNTIME_DIR", "too long");
	return socket_take(default_socket);
}

uint32_t place_count(void)
{
	/* Wireshark's questions are answered without a region. */
	if (extcap_queries())
		return 1;
	if (pci_count() && (file || socket_count)) {
		(void)usage("--pci", "give a device, or a file, or a server's socket");
		return 0;
	}
	if (pci_count())
		return pci_places();
	if (file && socket_count) {
		(void)usage("--file", "give a file or, with --socket, a server's socket, not both");
		return 0;
	}
	if (!file && socket_count == 0 && !default_take())
		return 0;
	return file ? 1 : socket_count;
}

const char *place_path(void)
{
	if (pci_count())
		return NULL;
	return file ? file : sockets[0];
}

/* The advice for a user when no server answers at the socket. */
static const char *hint(const char *error)
{
	static const char connect[] = "connect: ";
	const char *why = error + sizeof(connect) - 1;

	if (strncmp(error, connect, sizeof(connect) - 1) != 0)
		return "";
	if (!strcmp(why, strerror(ENOENT)) || !strcmp(why, strerror(ECONNREFUSED)))
		return ": is ivsh-server running?";
	if (!strcmp(why, strerror(EACCES)))
		return ": may you write there?";
	return "";
}

/* Whether there is nothing at all at the place: no file, or no listening server. */
static bool is_nowhere(const char *error)
{
	const char *why = strrchr(error, ':');

	return why &&
	       (!strcmp(why + 2, strerror(ENOENT)) || !strcmp(why + 2, strerror(ECONNREFUSED)));
}

/* What is mapped of all places, now that one was opened or closed. */
static void memories_guard(void)
{
	stop_clear();
	for (uint32_t place = 0; place < WORLD_PLACES; place++) {
		const struct ivsh_client *client = &clients[place];
		const char *object = file ? file : sockets[place];

		if (!client->mem.base)
			continue;
		stop_memory(object, client->mem.base, client->memory, client->mem.size);
		for (uint32_t i = 0; i < client->mem.part_count; i++) {
			const struct ivsh_mem_part *part = &client->mem.parts[i];

			if (part->base)
				stop_part(object, part->is_writable ? IVSH_SELF_NONE : part->slot,
				    part->base, client->parts[i], part->size);
		}
	}
}

static void client_close(struct ivsh_client *client)
{
	ivsh_client_close(client);
	memories_guard();
}

/* The client of (place) is open, or (error) is the reason. Answers the exit status. */
static int opened(struct transport *t, uint32_t place, int error)
{
	struct ivsh_client *client = &clients[place];
	const char *object = file ? file : sockets[place];

	if (error) {
		fprintf(stderr, "ivsh: %s: %s%s\n", object, client->error, hint(client->error));
		return is_nowhere(client->error) ? STATUS_NO_DEVICE : STATUS_FAILED;
	}
	memories_guard();
	*t = (struct transport){
	    .mem = client->mem,
	    .object = object,
	    .place = place,
	    .claims = file != NULL,
	    .formats = file != NULL, /* a server formats by itself, without --raw */
	    .named = true,
	    .spin_ns = SPIN_NS,
	};
	error = parts_own(object, &client->mem);
	if (error)
		client_close(client);
	return error;
}

/* Of a split region's folder the slot may be the one whose part this user can write. */
static bool is_folder(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

int place_open(struct transport *t, uint32_t place, const struct options *options)
{
	struct ivsh_client *client = &clients[place];
	int error, status;

	if (pci_count())
		return pci_open(t, place, options);
	/* Before the file is opened: the command line has no slot for it. */
	if (file && options->slot == IVSH_SELF_NONE && !is_folder(file))
		return refuse_slotless(file);
	error = file ? ivsh_client_open_file(client, file, options->slot)
		     : ivsh_client_connect(client, sockets[place], CONNECT_NS);
	status = opened(t, place, error);
	if (status == STATUS_DONE)
		stop_listen();
	return status;
}

void place_entered(const struct transport *t)
{
	static bool said[WORLD_PLACES][IVSH_WIRE_SLOTS_MAX];

	if (pci_count())
		pci_entered(t);
	else
		parts_others(t->object, &t->mem, said[t->place]);
}

bool place_refused(const struct transport *t, const struct ivsh_attach *attach, int error)
{
	(void)attach;
	return pci_count() && pci_refused(t, error);
}

void place_close(struct transport *t)
{
	if (pci_count())
		pci_close(t);
	else
		client_close(&clients[t->place]);
}

/* Only a device can leave. */
enum world_state place_state(struct transport *t)
{
	return pci_count() ? pci_state(t) : WORLD_STAYS;
}

void place_release(struct transport *t)
{
	if (pci_count())
		pci_release(t);
	else
		place_close(t);
}

enum world_ready place_ready(uint32_t place)
{
	return pci_count() ? pci_ready(place) : WORLD_READY;
}

void place_join(struct transport *first, struct transport *other)
{
	if (pci_count())
		pci_join(first, other);
	else
		(void)ivsh_client_group(&clients[first->place], &clients[other->place]);
}

/* A device of a Linux guest knows only its own. */
bool place_vectors(struct transport *t, uint32_t peer, uint32_t *vectors)
{
	if (pci_count())
		return false;
	*vectors = ivsh_client_peers_vectors(&clients[t->place], peer);
	return true;
}

const char *place_event(struct transport *t)
{
	struct ivsh_client *client = &clients[t->place];

	return !pci_count() && ivsh_client_poll(client) ? client->error : NULL;
}

uint64_t place_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

void place_nap(uint64_t ns)
{
	const struct timespec pause = {(time_t)(ns / 1000000000u), (long)(ns % 1000000000u)};

	/* A signal ends it. */
	(void)nanosleep(&pause, NULL);
}

static int file_failed(const char *what)
{
	fprintf(stderr, "ivsh: %s: %s: %s\n", file, what, strerror(errno));
	return errno == ENOENT ? STATUS_NO_DEVICE : STATUS_FAILED;
}

/* Map the file (fd) for reading only, into the client of place 0. The exit status, after a line. */
static int file_map(int fd, struct ivsh_client *client)
{
	struct stat st;

	if (fstat(fd, &st))
		return file_failed("fstat");
	if (!S_ISREG(st.st_mode) || st.st_size < IVSH_WIRE_PAGE) {
		fprintf(stderr, "ivsh: %s: not a file of at least %u bytes: not a region\n", file,
		    IVSH_WIRE_PAGE);
		return STATUS_FAILED;
	}
	if ((uint64_t)st.st_size != (size_t)st.st_size) {
		fprintf(
		    stderr, "ivsh: %s: more bytes than a process of this machine can map\n", file);
		return STATUS_FAILED;
	}
	client->mem.size = (uint64_t)st.st_size;
	client->mem.base = mmap(NULL, (size_t)client->mem.size, PROT_READ, MAP_SHARED, fd, 0);
	if (client->mem.base != MAP_FAILED)
		return STATUS_DONE;
	client->mem.base = NULL;
	return file_failed("mmap");
}

/*
 * Open the file, or folder, for reading only: that permission is enough. The exit status, after a
 * line.
 */
static int file_probe(struct transport *t)
{
	struct ivsh_client *client = &clients[0];
	bool folder = is_folder(file);
	/* O_PATH: it need not be listed. O_NONBLOCK: opening a FIFO by mistake must not wait for
	 * its other end. */
	int fd = open(file, O_CLOEXEC | (folder ? O_PATH | O_DIRECTORY : O_RDONLY | O_NONBLOCK));
	int status;

	if (fd < 0)
		return file_failed("open");
	memset(client, 0, sizeof(*client));
	client->socket = client->partial_fd = client->doorbells = -1;
	client->mem.self = IVSH_SELF_NONE;
	if (folder) {
		status = folder_open(client, fd, file);
	} else {
		client->memory = fd;
		status = file_map(fd, client);
	}
	if (status == STATUS_DONE)
		status = opened(t, 0, ivsh_client_doorbell_open(client, false));
	if (status != STATUS_DONE)
		client_close(client);
	return status;
}

int place_probe(struct transport *t, uint32_t place, const struct options *options)
{
	if (pci_count())
		return pci_probe(t, place, options);
	if (place >= (file ? 1 : socket_count))
		return -1;
	return file ? file_probe(t)
		    : opened(
			  t, place, ivsh_client_probe(&clients[place], sockets[place], CONNECT_NS));
}
