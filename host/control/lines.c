/* SPDX-License-Identifier: MIT */
/*
 * lines.c - the lines of the control protocol: their words, and the fields of each.
 */
#include "control/lines.h"
#include "control/facts.h"

#include <stddef.h>

#define NUMBER(type, key, member, max)                                       \
	{                                                                    \
		key, FIELD_NUMBER, offsetof(struct type, member), max, false \
	}
#define NEEDED(type, key, member, max)                                      \
	{                                                                   \
		key, FIELD_NUMBER, offsetof(struct type, member), max, true \
	}
#define TEXT(type, key, member)                                          \
	{                                                                \
		key, FIELD_TEXT, offsetof(struct type, member), 0, false \
	}
#define NEEDED_TEXT(type, key, member)                                  \
	{                                                               \
		key, FIELD_TEXT, offsetof(struct type, member), 0, true \
	}

/* Below ANSWER_NONE, and exact in every reader of JSON. */
#define NUMBER_MAX ((UINT64_C(1) << 53) - 1)

static const struct field server_fields[] = {
    NEEDED(answer, "version", version, NUMBER_MAX),
    NEEDED(answer, "supervisor", supervisor, INT32_MAX),
    NEEDED(answer, "server", server, INT32_MAX),
    NEEDED(answer, "uptime_ms", uptime_ms, NUMBER_MAX),
    NUMBER(answer, "serving_ms", serving_ms, NUMBER_MAX),
    NUMBER(answer, "takeovers", takeovers, NUMBER_MAX),
    NUMBER(answer, "reloads", reloads, NUMBER_MAX),
    NEEDED_TEXT(answer, "mode", mode),
    NEEDED(answer, "raw", raw, 1),
    NUMBER(answer, "filter", filter, 1),
    {"epoch", FIELD_HEX, offsetof(struct answer, epoch), UINT32_MAX, false},
};

static const struct field memory_fields[] = {
    NEEDED_TEXT(answer, "kind", kind),
    NEEDED(answer, "size", size, NUMBER_MAX),
    NUMBER(answer, "page", page, NUMBER_MAX),
    NEEDED_TEXT(answer, "path", path),
    NUMBER(answer, "lost", lost, 1),
    NUMBER(answer, "split", split, 1),
    NUMBER(answer, "part", part, NUMBER_MAX),
    NUMBER(answer, "part_short", part_short, NUMBER_MAX),
};

static const struct field region_fields[] = {
    NEEDED(answer, "slots", slots, 65536),
    NEEDED(answer, "vectors", vectors, 2048),
};

static const struct field limit_fields[] = {
    NUMBER(answer, "clients", limit_clients, NUMBER_MAX),
    NUMBER(answer, "per_uid", limit_per_uid, NUMBER_MAX),
    NUMBER(answer, "unread", limit_unread, NUMBER_MAX),
};

static const struct field count_fields[] = {
    NUMBER(answer, "connects", connects, NUMBER_MAX),
    NUMBER(answer, "disconnects", disconnects, NUMBER_MAX),
    NUMBER(answer, "takeovers", count_takeovers, NUMBER_MAX),
    NUMBER(answer, "slow", slow, NUMBER_MAX),
    NUMBER(answer, "indeterminate", indeterminate, NUMBER_MAX),
    NUMBER(answer, "notifications_blocked", notifications_blocked, NUMBER_MAX),
};

static const struct field listener_fields[] = {
    NUMBER(answer_listener, "slot", slot, 65535),
    TEXT(answer_listener, "name", name),
    NEEDED_TEXT(answer_listener, "socket", socket),
};

static const struct field refused_fields[] = {
    NEEDED_TEXT(answer_refused, "reason", reason),
    NEEDED(answer_refused, "count", count, NUMBER_MAX),
};

/* A connection without a slot has no ID. */
#define CLIENT_FIELDS(id)                                                                  \
	id, TEXT(answer_client, "name", name), NEEDED_TEXT(answer_client, "state", state), \
	    NUMBER(answer_client, "pid", pid, INT32_MAX),                                  \
	    NUMBER(answer_client, "uid", uid, UINT32_MAX),                                 \
	    NUMBER(answer_client, "gid", gid, UINT32_MAX),                                 \
	    NUMBER(answer_client, "since_ms", since_ms, NUMBER_MAX),                       \
	    NUMBER(answer_client, "queued", queued, NUMBER_MAX),                           \
	    NUMBER(answer_client, "times", times, NUMBER_MAX)

static const struct field slot_fields[] = {CLIENT_FIELDS(NEEDED(answer_client, "id", id, 65535))};
static const struct field waiting_fields[] = {
    CLIENT_FIELDS(NUMBER(answer_client, "id", id, 65535))};

static const struct field metric_fields[] = {
    NEEDED(answer_metric, "slot", slot, 65535),
    TEXT(answer_metric, "name", peer),
    NEEDED_TEXT(answer_metric, "metric", name),
    NEEDED_TEXT(answer_metric, "kind", kind),
    NEEDED_TEXT(answer_metric, "value", value),
};

#define ONCE(word, is_needed, fields)                                                \
	{                                                                            \
		word, is_needed, fields, sizeof(fields) / sizeof(fields[0]), 0, 0, 0 \
	}
#define LIST(word, fields, type, member)                                                      \
	{                                                                                     \
		word, false, fields, sizeof(fields) / sizeof(fields[0]), sizeof(struct type), \
		    offsetof(struct answer, member), offsetof(struct answer, member##_count)  \
	}

const struct line lines[LINES] = {
    [LINE_SERVER] = ONCE("server", true, server_fields),
    [LINE_MEMORY] = ONCE("memory", true, memory_fields),
    [LINE_REGION] = ONCE("region", true, region_fields),
    [LINE_LISTENER] = LIST("listener", listener_fields, answer_listener, listener),
    [LINE_LIMIT] = ONCE("limit", false, limit_fields),
    [LINE_COUNT] = ONCE("count", false, count_fields),
    [LINE_REFUSED] = LIST("refused", refused_fields, answer_refused, refused),
    [LINE_SLOT] = LIST("slot", slot_fields, answer_client, slot),
    [LINE_WAITING] = LIST("waiting", waiting_fields, answer_client, waiting),
    [LINE_METRIC] = LIST("metric", metric_fields, answer_metric, metric),
};
