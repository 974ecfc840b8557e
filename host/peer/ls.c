/* SPDX-License-Identifier: MIT */
/*
 * ls.c - ls: the region, the server, and who is there.
 *
 * ls attaches to no slot, and takes none: ivsh-server shows it the memory alone. Another server gives
 * it a slot all the same; what stands in there is left as it is, and says how its last peer ended.
 */
#include "client/client.h"
#include "peer/commands.h"
#include "peer/join.h"
#include "peer/look.h"
#include "peer/stop.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* What has not moved for as long stands still: four heartbeats; SPEC R4.3, R5.4. */
#define LS_LIMIT_MS 1000
#define LS_STEP_MS 10

static int ls_file_failed(const struct options *options, const char *what)
{
	fprintf(stderr, "ivsh: %s: %s: %s\n", options->file, what, strerror(errno));
	return errno == ENOENT ? STATUS_NO_DEVICE : STATUS_FAILED;
}

/* Map a file for reading only. STATUS_DONE; or the exit status, after a line. */
static int ls_file(struct ivsh_mem *mem, const struct options *options)
{
	/* O_NONBLOCK: opening a FIFO by mistake must not wait for its other end. */
	int fd = open(options->file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;
	int status = STATUS_FAILED;

	if (fd < 0)
		return ls_file_failed(options, "open");
	if (fstat(fd, &st)) {
		(void)ls_file_failed(options, "fstat");
	} else if (!S_ISREG(st.st_mode) || st.st_size < IVSH_WIRE_PAGE) {
		fprintf(stderr, "ivsh: %s: not a file of at least %u bytes: not a region\n",
		    options->file, IVSH_WIRE_PAGE);
	} else if ((uint64_t)st.st_size != (size_t)st.st_size) {
		fprintf(stderr, "ivsh: %s: more bytes than a process of this machine can map\n",
		    options->file);
	} else {
		mem->size = (uint64_t)st.st_size;
		mem->base = mmap(NULL, (size_t)mem->size, PROT_READ, MAP_SHARED, fd, 0);
		status = mem->base == MAP_FAILED ? ls_file_failed(options, "mmap") : STATUS_DONE;
	}
	if (status == STATUS_DONE)
		stop_memory(options->file, fd, mem->size);
	else
		close(fd);
	return status;
}

static void ls_region(const struct look *look)
{
	const struct ivsh_geometry *g = &look->region.geometry;

	printf("region: version %u, %" PRIu64 " bytes, %" PRIu32 " slots, rings of %" PRIu32
	       " descriptors, %" PRIu32 " + %" PRIu32 " bytes, generation 0x%016" PRIx64 "\n",
	    IVSH_WIRE_VERSION, look->size, g->slots, g->descs, g->small_size, g->large_size,
	    look->region.format_id);
	if (look->region.server_epoch == 0)
		printf("server: none\n");
	else
		printf("server: epoch 0x%08" PRIx32 ", %s\n", look->region.server_epoch,
		    look->server_moves ? "running"
				       : "its heartbeat stands still: stopped or killed");
}

static void ls_services(const struct ivsh_region *region, uint32_t slot)
{
	struct ivsh_service service;

	for (uint32_t i = 0; ivsh_region_service(region, slot, i, &service) == 0; i++)
		if (service.name[0])
			printf("%7sservice %s: port %u\n", "", service.name, service.port);
}

static void ls_slots(const struct look *look, uint32_t self)
{
	static const char *const presence[] = {"absent", "attached", "silent", "gone"};
	static const char *const connection[] = {"unknown", "up", "down"};
	uint32_t unused = 0;

	printf("%5s  %-8s  %-10s  %5s  %7s  %10s  %10s  %6s  %6s  %s\n", "slot", "presence",
	    "connection", "life", "vectors", "sent", "received", "full", "errors", "name");
	for (uint32_t i = 0; i < look->region.geometry.slots; i++) {
		const struct look_slot *s = &look->slot[i];

		if (s->peer.incarnation == 0 && s->peer.connection != IVSH_CONNECTION_UP) {
			unused++;
			continue;
		}
		printf("%c%4" PRIu32 "  %-8s  %-10s  %5" PRIu32 "  %7" PRIu32 "  %10" PRIu64
		       "  %10" PRIu64 "  %6" PRIu64 "  %6" PRIu64 "  %s\n",
		    i == self ? '*' : ' ', i, presence[s->peer.presence],
		    connection[s->peer.connection], s->peer.incarnation, s->peer.vectors,
		    s->counters.sent, s->counters.received, s->counters.full, s->counters.errors,
		    s->peer.name);
		ls_services(&look->region, i);
	}
	if (unused)
		printf("and %" PRIu32 " slots that nobody has used\n", unused);
	if (self < look->region.geometry.slots)
		printf("* is where the server put this ls: connected, not attached; the rest is its"
		       " last peer's\n");
}

/* Look for as long as it tells more. */
static void ls_watch(struct look *look)
{
	const struct timespec step = {.tv_nsec = LS_STEP_MS * 1000000L};

	for (unsigned ms = 0; !look_again(look) && ms < LS_LIMIT_MS; ms += LS_STEP_MS)
		nanosleep(&step, NULL);
	look_close(look);
}

/* What (mem) is to show. (self): our slot, where a server gave one. 0, or the exit status. */
static int ls_memory(const struct ivsh_mem *mem, uint32_t self, const struct options *options)
{
	static struct look look;
	struct ivsh_attach attach = {0};
	int error = look_open(&look, mem, &attach);

	if (error) {
		join_refused(options, mem, &attach, error);
		return STATUS_FAILED;
	}
	/* The server guards our slot: nobody else is in it, whatever stands there. */
	if (self < look.region.geometry.slots)
		look.slot[self].ours = true;
	ls_watch(&look);
	ls_region(&look);
	ls_slots(&look, self);
	return 0;
}

int ls_run(const struct options *options)
{
	struct client client;
	struct ivsh_mem mem = {0};
	int status;

	if (options->file) {
		status = ls_file(&mem, options);
		if (status != STATUS_DONE)
			return status;
		status = ls_memory(&mem, IVSH_SELF_NONE, options);
		munmap(mem.base, (size_t)mem.size);
		return status;
	}
	status = join_look(&client, options);
	if (status != STATUS_DONE)
		return status;
	status = ls_memory(&client.mem, client.mem.self, options);
	client_close(&client);
	return status;
}
