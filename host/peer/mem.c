/* SPDX-License-Identifier: MIT */
/*
 * mem.c - mem: memory files for peers without a server; here create, a formatted one.
 *
 * The file has its name from the start, and its magic at last: a peer that opens it in between
 * finds a memory that nobody has formatted yet, and waits (SPEC R3.5).
 */
#include "peer/mem.h"

#include "app/json.h"
#include "app/status.h"
#include "backend/entry.h"
#include "peer/mem_show.h"
#include "peer/progress.h"
#include "peer/stop.h"
#include "text/geometry.h"
#include "text/sizes.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#define STEP (UINT64_C(64) << 20) /* bytes that are allocated between two looks at the time */

static const char *geometry_path; /* NULL: the library chooses */
static uint32_t log_size = GEOMETRY_LOG_FITS;

static int failed(const char *object, const char *what, const char *why)
{
	fprintf(stderr, "ivsh: %s: %s%s%s\n", object, what, *what ? ": " : "", why);
	return STATUS_FAILED;
}

bool mem_geometry_take(const char *text)
{
	if (geometry_path || !*text) {
		(void)failed(
		    "--geometry", "", *text ? "only once" : "needs a value: --geometry=FILE");
		return false;
	}
	geometry_path = text;
	return true;
}

bool mem_log_size_take(const char *text)
{
	const char *wrong =
	    log_size != GEOMETRY_LOG_FITS ? "only once" : geometry_log_parse(text, &log_size);

	if (wrong)
		(void)failed("--log-size", text, wrong);
	return !wrong;
}

/* The geometry of (size) bytes. STATUS_DONE, or a status after a line. */
static int choose(uint64_t size, uint32_t slots, struct ivsh_geometry *geometry)
{
	struct geometry_error wrong;
	struct ivsh_geometry most;
	uint64_t need = 0;
	char less[160];
	int error;

	if (geometry_path && geometry_read(geometry_path, &most, &wrong)) {
		(void)failed(wrong.object, "", wrong.what);
		return STATUS_USAGE;
	}
	error = geometry_fit(geometry_path ? &most : NULL, size, slots, log_size, geometry, &need);
	if (error) {
		fprintf(stderr,
		    "ivsh: mem create: %" PRIu64 " bytes are too few for %" PRIu32
		    " slots%s: %" PRIu64 " are needed (fewer --slots%s need less)\n",
		    size, slots, geometry_has_logs(log_size) ? " with such logs" : "", need,
		    geometry_has_logs(log_size) ? ", or a smaller --log-size," : "");
		return STATUS_USAGE;
	}
	if (geometry_path && geometry_less(&most, geometry, size, less))
		(void)failed(geometry_path, "", less);
	return STATUS_DONE;
}

/*
 * Allocate (size) bytes of (fd), and show how far it is. 0, or the error; ECANCELED: the user has
 * stopped the command.
 */
static int allocate(int fd, uint64_t size)
{
	uint64_t at = 0;
	int error = 0;

	while (at < size && !error) {
		uint64_t step = size - at < STEP ? size - at : STEP;

		error = posix_fallocate(fd, (off_t)at, (off_t)step);
		if (stop_signal())
			error = ECANCELED;
		else if (error == EINTR)
			error = 0; /* of another signal: once more */
		else
			at += step;
		progress_bytes("mem create", at, size);
	}
	progress_end();
	return error;
}

/* Allocate all (size) bytes of the new file (fd), and format them. */
static int fill(int fd, const char *path, uint64_t size, const struct ivsh_geometry *geometry)
{
	uint64_t format_id;
	void *base;
	int error = allocate(fd, size);

	if (error == ECANCELED) {
		fprintf(stderr, "ivsh: stopped\n");
		return STATUS_STOPPED;
	}
	if (error)
		return failed(path, "", strerror(error));
	if (getrandom(&format_id, sizeof(format_id), 0) != (ssize_t)sizeof(format_id))
		return failed("getrandom", "", strerror(errno));
	base = MAP_FAILED;
	errno = ENOMEM;
	if ((size_t)size == size) /* or a process of this machine cannot map it */
		base = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (base == MAP_FAILED)
		return failed(path, "mmap", strerror(errno));
	error = ivsh_region_format(base, size, geometry, format_id, false);
	munmap(base, (size_t)size);
	return error ? failed(path, "format", ivsh_error_text(error)) : STATUS_DONE;
}

static int create(const char *path, uint64_t size, const struct ivsh_geometry *geometry)
{
	int fd, status;
	struct stat made;

	stop_listen();
	fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOCTTY, 0600);
	if (fd < 0 && errno == EEXIST)
		return failed(path, "", "exists: remove it, or give another name");
	if (fd < 0)
		return failed(path, "", strerror(errno));
	status = fill(fd, path, size, geometry);
	if (status != STATUS_DONE && fstat(fd, &made) == 0)
		entry_remove(path, made.st_dev, made.st_ino);
	close(fd);
	return status;
}

static void created_print(const char *path, uint64_t size, const struct ivsh_geometry *g, bool json)
{
	struct json line;

	if (!json) {
		printf("mem: %s: %" PRIu64 " bytes, %" PRIu32 " slots, rings of %" PRIu32
		       " descriptors, %" PRIu32 " + %" PRIu32 " bytes, logs of %" PRIu32 "\n",
		    path, size, g->slots, g->descs, g->small_size, g->large_size, g->log_size);
		return;
	}
	json_begin(&line, "created");
	json_text(&line, "path", path);
	json_u64(&line, "size_bytes", size);
	json_u64(&line, "slots", g->slots);
	json_u64(&line, "descs", g->descs);
	json_u64(&line, "small_bytes", g->small_size);
	json_u64(&line, "large_bytes", g->large_size);
	json_u64(&line, "log_bytes", g->log_size);
	json_end(&line);
}

static int create_run(const struct options *o)
{
	const char *path = o->word[2], *wrong;
	struct ivsh_geometry geometry;
	uint64_t asked, size;
	int status;

	if (o->quiet)
		progress_mute();
	wrong = sizes_parse(o->word[3], &asked);
	if (wrong) {
		fprintf(stderr, "ivsh: mem create: %s: %s\n", o->word[3], wrong);
		return STATUS_USAGE;
	}
	size = sizes_round(asked);
	if (size != asked)
		fprintf(stderr,
		    "ivsh: mem create: %s: rounded up to %" PRIu64
		    " bytes: a BAR's size is a power of two\n",
		    o->word[3], size);
	status = choose(size, o->slots, &geometry);
	if (status == STATUS_DONE)
		status = create(path, size, &geometry);
	if (status == STATUS_DONE)
		created_print(path, size, &geometry, o->json);
	return status;
}

/* The words of mem, and the options that each takes. */
static const struct {
	const char *name;
	unsigned words;
	uint32_t options;
	const char *synopsis;
} rows[] = {
    {"create", 4, OPTION_SLOTS | OPTION_GEOMETRY | OPTION_QUIET | OPTION_JSON, "create FILE SIZE"},
    {"info", 3, OPTION_JSON, "info FILE"},
    {"rm", 3, OPTION_FORCE | OPTION_JSON, "rm FILE"},
};

#define ROWS (sizeof(rows) / sizeof(rows[0]))

int mem_run(const struct world *world, const struct options *o)
{
	const char *stranger;
	size_t i = 0;

	while (i < ROWS && (o->words < 2 || strcmp(o->word[1], rows[i].name) != 0))
		i++;
	if (i == ROWS || o->words != rows[i].words) {
		fprintf(stderr, "ivsh: mem: give %s\n",
		    i < ROWS ? rows[i].synopsis : "create FILE SIZE, info FILE or rm FILE");
		return STATUS_USAGE;
	}
	stranger = options_stranger(o, world->options, rows[i].options);
	if (stranger) {
		fprintf(stderr, "ivsh: mem %s: --%s means nothing here\n", rows[i].name, stranger);
		return STATUS_USAGE;
	}
	switch (i) {
	case 0:
		return create_run(o);
	case 1:
		return mem_info(o->word[2], o->json);
	default:
		return mem_remove(o->word[2], (o->given & OPTION_FORCE) != 0, o->json);
	}
}
