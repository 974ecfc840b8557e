/* SPDX-License-Identifier: MIT */
/*
 * mem.c - mem: memory files for peers without a server; here create, a formatted one, or --split a
 * folder of them.
 *
 * The file has its name from the start, and its magic at last: a peer that opens it in between
 * finds a memory that nobody has formatted yet, and waits (SPEC R3.5).
 */
#include "peer/mem.h"

#include "app/json.h"
#include "app/status.h"
#include "backend/entry.h"
#include "peer/mem_make.h"
#include "peer/mem_show.h"
#include "peer/mem_split.h"
#include "peer/memory.h"
#include "peer/progress.h"
#include "peer/stop.h"
#include "text/geometry.h"
#include "text/sizes.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SPLIT_SIZE (UINT64_C(4) << 20) /* of all parts together, as ivsh-server has it */

static const char *geometry_path; /* NULL: the library chooses */
static struct ivsh_geometry file_geometry;
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

/*
 * The geometry of (size) bytes. (part) is for the bytes of a part of a split region; NULL: one
 * memory for all. STATUS_DONE, or a status after a line.
 */
static int choose(uint64_t size, uint32_t slots, struct ivsh_geometry *geometry, uint64_t *part)
{
	const struct ivsh_geometry *asked = geometry_path ? &file_geometry : NULL;
	struct geometry_error wrong;
	uint64_t need = 0;
	char less[160];
	int error;

	if (asked && geometry_read(geometry_path, &file_geometry, &wrong)) {
		(void)failed(wrong.object, "", wrong.what);
		return STATUS_USAGE;
	}
	error = part ? geometry_fit_split(asked, size, slots, log_size, geometry, part, &need)
		     : geometry_fit(asked, size, slots, log_size, geometry, &need);
	if (error) {
		fprintf(stderr,
		    "ivsh: mem create: %" PRIu64 " bytes are too few for %" PRIu32
		    " slots%s: %" PRIu64 " are needed (fewer --slots%s need less)\n",
		    size, slots, geometry_has_logs(log_size) ? " with such logs" : "", need,
		    geometry_has_logs(log_size) ? ", or a smaller --log-size," : "");
		return STATUS_USAGE;
	}
	if (asked && (part ? geometry_less_split(asked, geometry, size, less)
			   : geometry_less(asked, geometry, size, less)))
		(void)failed(geometry_path, "", less);
	return STATUS_DONE;
}

static int region_format(void *base, uint64_t size, const void *ctx)
{
	uint64_t format_id;

	if (mem_make_id(&format_id) != STATUS_DONE)
		return IVSH_EPLATFORM;
	return ivsh_region_format(base, size, ctx, format_id, false);
}

static int create(const char *path, uint64_t size, const struct ivsh_geometry *geometry)
{
	const struct mem_format how = {region_format, geometry};
	int fd, status;
	struct stat made;

	stop_listen();
	fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOCTTY, 0600);
	if (fd < 0 && errno == EEXIST)
		return failed(path, "", "exists: remove it, or give another name");
	if (fd < 0)
		return failed(path, "", strerror(errno));
	status = mem_make(fd, path, size, &how, 0, size);
	if (status != STATUS_DONE && fstat(fd, &made) == 0)
		entry_remove(path, made.st_dev, made.st_ino);
	close(fd);
	return status;
}

static void geometry_json(struct json *line, const struct ivsh_geometry *g)
{
	json_u64(line, "slots", g->slots);
	json_u64(line, "descs", g->descs);
	json_u64(line, "small_bytes", g->small_size);
	json_u64(line, "large_bytes", g->large_size);
	json_u64(line, "log_bytes", g->log_size);
}

/* (part): bytes of each part; 0: one memory of (size) for all. */
static void created_print(
    const char *path, uint64_t size, uint64_t part, const struct ivsh_geometry *g, bool json)
{
	struct json line;

	if (json) {
		json_begin(&line, "created");
		json_text(&line, "path", path);
		json_u64(&line, "size_bytes", size);
		if (part)
			json_u64(&line, "part_bytes", part);
		geometry_json(&line, g);
		json_end(&line);
		return;
	}
	printf("mem: %s: ", path);
	if (part)
		printf("%" PRIu32 " parts of %" PRIu64, g->slots, part);
	else
		printf("%" PRIu64, size);
	printf(" bytes, %" PRIu32 " slots, rings of %" PRIu32 " descriptors, %" PRIu32 " + %" PRIu32
	       " bytes, logs of %" PRIu32 "\n",
	    g->slots, g->descs, g->small_size, g->large_size, g->log_size);
}

static int one_run(const struct options *o, uint64_t asked)
{
	uint64_t size = sizes_round(asked);
	struct ivsh_geometry geometry;
	int status;

	if (size != asked)
		fprintf(stderr,
		    "ivsh: mem create: %s: rounded up to %" PRIu64
		    " bytes: a BAR's size is a power of two\n",
		    o->word[3], size);
	status = choose(size, o->slots, &geometry, NULL);
	if (status == STATUS_DONE)
		status = create(o->word[2], size, &geometry);
	if (status == STATUS_DONE)
		created_print(o->word[2], size, 0, &geometry, o->json);
	return status;
}

static int split_run(const struct options *o, uint64_t size)
{
	struct ivsh_geometry geometry;
	uint64_t part = 0;
	int status = choose(size, o->slots, &geometry, &part);

	if (status == STATUS_DONE)
		status = mem_split_create(memory_folder(o->word[2]), part, &geometry);
	if (status == STATUS_DONE)
		created_print(
		    o->word[2], part * o->slots + IVSH_WIRE_COMMON_SIZE, part, &geometry, o->json);
	return status;
}

static int create_run(const struct options *o)
{
	bool is_split = (o->given & OPTION_SPLIT) != 0;
	uint64_t size = SPLIT_SIZE;
	const char *wrong = NULL;

	if (o->quiet)
		progress_mute();
	if (o->words == 4)
		wrong = sizes_parse(o->word[3], &size);
	if (wrong) {
		fprintf(stderr, "ivsh: mem create: %s: %s\n", o->word[3], wrong);
		return STATUS_USAGE;
	}
	return is_split ? split_run(o, size) : one_run(o, size);
}

/* The path of what is there: of a folder without the slash that a shell completes it with. */
static const char *existing(char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode) ? memory_folder(path) : path;
}

/* The words of mem, and the options that each takes. */
static const struct {
	const char *name;
	unsigned words;
	uint64_t options;
	const char *synopsis;
} rows[] = {
    {"create", 4, OPTION_SLOTS | OPTION_GEOMETRY | OPTION_QUIET | OPTION_JSON | OPTION_SPLIT,
	"create FILE SIZE, or create --split DIR [SIZE]"},
    {"info", 3, OPTION_JSON, "info FILE"},
    {"rm", 3, OPTION_FORCE | OPTION_JSON, "rm FILE"},
};

#define ROWS (sizeof(rows) / sizeof(rows[0]))

int mem_run(const struct world *world, const struct options *o)
{
	const char *stranger;
	unsigned least;
	size_t i = 0;

	while (i < ROWS && (o->words < 2 || strcmp(o->word[1], rows[i].name) != 0))
		i++;
	/* The size of all parts has a value of its own. */
	least = i < ROWS ? rows[i].words - ((o->given & OPTION_SPLIT) != 0 && i == 0) : 0;
	if (i == ROWS || o->words > rows[i].words || o->words < least) {
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
		return mem_info(existing(o->word[2]), o->json);
	default:
		return mem_remove(existing(o->word[2]), (o->given & OPTION_FORCE) != 0, o->json);
	}
}
