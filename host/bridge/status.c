/* SPDX-License-Identifier: MIT */
/*
 * status.c - what a running bridge says of itself.
 */
#include "bridge/status.h"
#include "bridge/control.h"
#include "process/clock.h"
#include "process/log.h"
#include "text/exposition.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ANSWER_MS 5000
#define ANSWER_LEAST (1u << 16)
#define ANSWER_MOST (1u << 26) /* the largest mapping takes 16 MiB */
#define NONE "none"            /* a value that there is not; as long as JSON's null */

/* " KEY=SECONDS.MILLISECONDS" since (ns); 0: it was never. */
static void age_write(FILE *out, const char *key, uint64_t ns, uint64_t now)
{
	uint64_t ms = (now - ns) / 1000000;

	if (ns == 0)
		fprintf(out, " %s=" NONE, key);
	else
		fprintf(out, " %s=%" PRIu64 ".%03u", key, ms / 1000, (unsigned)(ms % 1000));
}

/* Messages that were published, and that JetStream has not acknowledged. */
static uint32_t in_flight(const struct pair *p)
{
	if (!p->flight.is_up)
		return 0;
	return p->flight.what == NEAR_KEPT ? p->state.near.count : 1;
}

static void pair_write(FILE *out, const struct pair *p, uint64_t now)
{
	const struct remote *r = p->remote;
	const struct counters *c = &p->counters;
	bool is_heard = pair_is_heard(p, now);

	fprintf(out,
	    "pair slot=%u peer=%s/%s local=%u name=%s mode=%s attached=%d heard=%d present=%d",
	    r->config.slot, r->config.host, r->config.peer, p->slot, p->out.peer,
	    pair_is_kept(p) ? "jetstream" : "core", r->host != NULL, is_heard,
	    is_heard && (p->heard.flags & FRAME_PRESENT));
	age_write(out, "last_heard_seconds", p->heard.ns, now);
	fprintf(out,
	    " in_flight=%u outstanding_bytes=%" PRIu64 " window_bytes=%u waiting=%u"
	    " waiting_bytes=%" PRIu64 " attaches=%" PRIu64,
	    in_flight(p), p->window.bytes, p->heard.window, p->waiting, p->waiting_bytes,
	    r->attaches);
	fprintf(out,
	    " sent=%" PRIu64 " sent_bytes=%" PRIu64 " received=%" PRIu64 " received_bytes=%" PRIu64
	    " lost=%" PRIu64 " gaps=%" PRIu64 " repeated=%" PRIu64 " refused=%" PRIu64
	    " resets=%" PRIu64 "\n",
	    c->sent, c->sent_bytes, c->received, c->received_bytes, c->lost, c->gaps, c->repeated,
	    c->refused, c->resets);
}

void status_write(FILE *out, struct bridge *b)
{
	uint64_t now = clock_now_ns();

	fprintf(out,
	    "bridge region=%s host=%s bus=%d connects=%" PRIu64 " dropped=%" PRIu64
	    " unknown=%" PRIu64 " open=%d twin=%d",
	    b->config->region, b->config->host, bus_is_up(b->bus), bus_connects(b->bus), b->dropped,
	    b->unknown, b->look.open != NULL, b->twin.is_there);
	if (b->payload)
		fprintf(out, " max_payload_bytes=%zu\n", b->payload);
	else
		fputs(" max_payload_bytes=" NONE "\n", out);
	for (uint32_t i = 0; i < b->remote_count; i++)
		for (uint32_t k = 0; k < b->remotes[i]->pair_count; k++)
			pair_write(out, &b->remotes[i]->pairs[k], now);
	fputs("end\n", out);
}

/* The counters and gauges of a line, by the word that it begins with. */
static const struct metric {
	const char *line, *key, *name, *type, *help;
} metrics[] = {
    {"bridge", "bus", "bridge_bus_up", "gauge", "Whether the connection to the bus stands."},
    {"bridge", "open", "bridge_region_up", "gauge", "Whether the region is there."},
    {"bridge", "connects", "bridge_connects_total", "counter", "Connections made to the bus."},
    {"bridge", "dropped", "bridge_dropped_total", "counter",
	"Frames from the bus for which their pair had no room."},
    {"bridge", "unknown", "bridge_unknown_total", "counter",
	"Frames that no slot is mapped for, or of another form."},
    {"bridge", "max_payload_bytes", "bridge_max_payload_bytes", "gauge",
	"The largest message that the bus takes."},
    {"bridge", "twin", "bridge_twin", "gauge",
	"Whether another bridge runs with this host's name: nothing passes."},
    {"pair", "attached", "bridge_attached", "gauge", "Whether the remote peer has its slot."},
    {"pair", "heard", "bridge_heard", "gauge",
	"Whether a state of the remote peer came within the last 3 seconds."},
    {"pair", "present", "bridge_present", "gauge", "Whether the remote peer is there."},
    {"pair", "last_heard_seconds", "bridge_last_heard_seconds", "gauge",
	"Since the last state of the remote peer came."},
    {"pair", "in_flight", "bridge_in_flight", "gauge",
	"Messages that JetStream has not acknowledged."},
    {"pair", "outstanding_bytes", "bridge_outstanding_bytes", "gauge",
	"Frames that were sent, and are not known to be in the other region."},
    {"pair", "window_bytes", "bridge_window_bytes", "gauge",
	"Frames that the other bridge takes beyond those that are in its region."},
    {"pair", "waiting", "bridge_waiting", "gauge",
	"Frames from the bus that wait for room in the region."},
    {"pair", "waiting_bytes", "bridge_waiting_bytes", "gauge", "The size of these."},
    {"pair", "attaches", "bridge_attaches_total", "counter",
	"Attaches of the remote peer to its slot."},
    {"pair", "sent", "bridge_sent_total", "counter", "Messages from the region to the bus."},
    {"pair", "sent_bytes", "bridge_sent_bytes_total", "counter", "The size of these."},
    {"pair", "received", "bridge_received_total", "counter",
	"Messages from the bus to the region."},
    {"pair", "received_bytes", "bridge_received_bytes_total", "counter", "The size of these."},
    {"pair", "lost", "bridge_lost_total", "counter",
	"Messages that did not come from the bus, or could not be passed on."},
    {"pair", "gaps", "bridge_gaps_total", "counter",
	"Times that messages were lost, in one place."},
    {"pair", "repeated", "bridge_repeated_total", "counter",
	"Messages that came, or stood in the ring, again, and were dropped."},
    {"pair", "refused", "bridge_refused_total", "counter",
	"Times that JetStream did not take what was sent."},
    {"pair", "resets", "bridge_resets_total", "counter", "Rings that were started over."},
};

/* The value of (key) in the line from (line) to its end; "": it has none. */
static void value_get(const char *line, const char *key, char value[64])
{
	size_t length = strlen(key), size = strcspn(line, "\n"), used = 0;

	*value = '\0';
	for (const char *at = line; (at = strchr(at, ' ')) != NULL && at < line + size;) {
		at++;
		if (strncmp(at, key, length) != 0 || at[length] != '=')
			continue;
		at += length + 1;
		while (used < 63 && at[used] && at[used] != ' ' && at[used] != '\n')
			used++;
		memcpy(value, at, used);
		value[used] = '\0';
		return;
	}
}

/* A sample's name and the labels that all have: which bridge it is. The caller writes the rest. */
static void name_print(const char *name, const struct config *config)
{
	exposition_name(stdout, name, "region", config->region);
	printf(",host=\"%s\"", config->host);
}

static void sample_print(const struct metric *m, const struct config *config, const char *line)
{
	static const char *const labels[] = {"slot", "peer", "local", "name"};
	char value[64], label[64];

	if (strncmp(line, m->line, strlen(m->line)) != 0 || line[strlen(m->line)] != ' ')
		return;
	value_get(line, m->key, value);
	if (strcmp(value, NONE) == 0)
		return;
	name_print(m->name, config);
	for (size_t i = 0; strcmp(m->line, "pair") == 0 && i < 4; i++) {
		value_get(line, labels[i], label);
		printf(",%s=\"%s\"", labels[i], label);
	}
	printf("} %s\n", value);
}

/* text: NULL: no bridge answers. */
static void prometheus_print(const struct config *config, const char *text)
{
	exposition_head(stdout, "bridge_up", "gauge", "Whether the bridge answered.");
	name_print("bridge_up", config);
	printf("} %d\n", text != NULL);
	for (size_t i = 0; text && i < sizeof(metrics) / sizeof(*metrics); i++) {
		exposition_head(stdout, metrics[i].name, metrics[i].type, metrics[i].help);
		for (const char *line = text; *line; line += strcspn(line, "\n") + 1)
			sample_print(&metrics[i], config, line);
	}
}

/* Those values that are no numbers, even where they look like one. */
static bool is_text(const char *key, size_t length)
{
	static const char *const keys[] = {"region", "host", "peer", "name", "mode"};

	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++)
		if (strlen(keys[i]) == length && strncmp(key, keys[i], length) == 0)
			return true;
	return false;
}

/* The words KEY=VALUE behind the first one of a line, as the members of an object. */
static void object_print(const char *line)
{
	const char *end = line + strcspn(line, "\n"), *at = line + strcspn(line, " ");
	const char *comma = "";

	while (at < end) {
		size_t size = strcspn(++at, " \n"), key = strcspn(at, "=");
		const char *quote = is_text(at, key) ? "\"" : "", *value = at + key + 1;
		size_t length = size - key - 1;

		if (!*quote && length == strlen(NONE) && strncmp(value, NONE, length) == 0)
			value = "null";
		printf(
		    "%s\"%.*s\": %s%.*s%s", comma, (int)key, at, quote, (int)length, value, quote);
		comma = ", ";
		at += size;
	}
}

/* No name has a character that JSON escapes. */
static void json_print(const char *text)
{
	const char *comma = "";

	printf("{");
	object_print(text);
	printf(", \"pairs\": [");
	for (const char *line = strchr(text, '\n'); line && line[1]; line = strchr(line, '\n')) {
		printf("%s{", comma);
		object_print(++line);
		printf("}");
		comma = ", ";
	}
	puts("]}");
}

/* All that comes, up to "end"; NULL: it does not come so far. */
static char *text_read(int fd)
{
	size_t size = 0, room = ANSWER_LEAST;
	char *text = malloc(room + 1), *more;
	ssize_t got = 1;

	while (text && got > 0 && size < ANSWER_MOST) {
		struct pollfd in = {.fd = fd, .events = POLLIN};

		if (poll(&in, 1, ANSWER_MS) != 1)
			break;
		got = read(fd, text + size, room - size);
		size += got > 0 ? (size_t)got : 0;
		more = size == room ? realloc(text, 2 * room + 1) : NULL;
		if (size < room)
			continue;
		if (!more)
			break;
		text = more;
		room *= 2;
	}
	if (text && got == 0 && size >= 4 && strncmp(text + size - 4, "end\n", 4) == 0) {
		text[size - 4] = '\0';
		return text;
	}
	free(text);
	return NULL;
}

int status_print(const struct config *config, enum status_form form)
{
	int folder = open(config->state, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int fd = folder < 0 ? -1 : control_connect(folder);
	bool is_known = form == STATUS_PROMETHEUS; /* a bridge that is down is an answer, too */
	char *text = NULL;

	if (fd < 0)
		log_failure(config->state, "no bridge runs here: %s", strerror(errno));
	else if ((text = text_read(fd)) == NULL)
		log_failure(config->state, "the bridge does not answer");
	is_known |= text != NULL;
	if (form == STATUS_PROMETHEUS)
		prometheus_print(config, text);
	else if (text && form == STATUS_JSON)
		json_print(text);
	else if (text)
		fputs(text, stdout);
	if (folder >= 0)
		close(folder);
	if (fd >= 0)
		close(fd);
	free(text);
	return is_known ? 0 : -1;
}
