/* SPDX-License-Identifier: MIT */
/*
 * text.c - an answer as text for a terminal.
 */
#include "control/lookup.h"
#include "control/formats.h"
#include "text/escape.h"

#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

#define COMMAND_SIZE 80 /* bytes of a command line; --json shows more */

/* A name, padded to (width). */
static void write_name(FILE *out, const char *name, size_t width)
{
	size_t used = escape_plain(out, name ? name : "-");

	fprintf(out, "%*s  ", used < width ? (int)(width - used) : 0, "");
}

/* A number or a dash, right-aligned in (width). */
static void write_number(FILE *out, uint64_t number, int width)
{
	if (number == ANSWER_NONE)
		fprintf(out, "%*s  ", width, "-");
	else
		fprintf(out, "%*" PRIu64 "  ", width, number);
}

/* "3d04h", "2h05m", "4m07s", "12.3s". */
static void format_time(char text[24], uint64_t ms)
{
	uint64_t s = ms / 1000;

	if (ms == ANSWER_NONE)
		strcpy(text, "-");
	else if (s >= 86400)
		snprintf(text, 24, "%" PRIu64 "d%02uh", s / 86400, (unsigned)(s % 86400 / 3600));
	else if (s >= 3600)
		snprintf(text, 24, "%uh%02um", (unsigned)(s / 3600), (unsigned)(s % 3600 / 60));
	else if (s >= 60)
		snprintf(text, 24, "%um%02us", (unsigned)(s / 60), (unsigned)(s % 60));
	else
		snprintf(text, 24, "%u.%us", (unsigned)s, (unsigned)(ms % 1000 / 100));
}

static void write_numbers(
    FILE *out, const char *title, size_t count, const char *const names[], const uint64_t numbers[])
{
	const char *comma = "";

	fputs(title, out);
	for (size_t i = 0; i < count; i++) {
		if (numbers[i] == ANSWER_NONE)
			continue;
		fprintf(out, "%s%" PRIu64 " %s", comma, numbers[i], names[i]);
		comma = ", ";
	}
	fputc('\n', out);
}

static void write_server(FILE *out, const struct answer *answer)
{
	char up[24], serving[24];

	format_time(up, answer->uptime_ms);
	format_time(serving, answer->serving_ms);
	fputs("server:   ", out);
	escape_plain(out, answer->mode);
	fprintf(out, "%s, up %s, ", answer->raw ? ", raw" : "", up);
	if (answer->supervisor)
		fprintf(out, "supervisor %" PRIu64, answer->supervisor);
	else
		fputs("no supervisor: it was killed, and nobody replaces this server: stop it, and"
		      " start anew",
		    out);
	fprintf(out, ", server %" PRIu64 " for %s", answer->server, serving);
	if (answer->takeovers != ANSWER_NONE && answer->takeovers != 0)
		fprintf(out, " after %" PRIu64 " takeovers", answer->takeovers);
	if (answer->epoch != ANSWER_NONE && answer->epoch != 0)
		fprintf(out, ", epoch 0x%08" PRIx64, answer->epoch);
	if (answer->filter == 0)
		fputs(", no filter", out);
	fputs("\nmemory:   ", out);
	escape_plain(out, answer->kind);
	fprintf(out, ", %" PRIu64 " bytes", answer->size);
	if (answer->page != ANSWER_NONE)
		fprintf(out, " in pages of %" PRIu64, answer->page);
	fputs(", ", out);
	escape_plain(out, answer->path);
	if (answer->split == 1)
		fprintf(out, ", split: %" PRIu64 " bytes for each slot", answer->part);
	if (answer->lost == 1)
		fputs("\n          LOST: somebody made it smaller, or took its page away", out);
	fprintf(out, "\nregion:   %" PRIu64 " slots, %" PRIu64 " vectors\n", answer->slots,
	    answer->vectors);
}

static void write_sockets(FILE *out, const struct answer *answer)
{
	for (size_t i = 0; i < answer->listener_count; i++) {
		const struct answer_listener *listener = &answer->listener[i];

		fputs(i == 0 ? "sockets:  " : "          ", out);
		escape_plain(out, listener->socket);
		if (listener->slot != ANSWER_NONE)
			fprintf(out, " slot %" PRIu64, listener->slot);
		if (listener->name) {
			fputc(' ', out);
			escape_plain(out, listener->name);
		}
		fputc('\n', out);
	}
}

static void write_limits(FILE *out, const struct answer *answer)
{
	static const char *const limits[] = {"clients", "of one user", "messages unread by one"};
	static const char *const counts[] = {
	    "connects", "disconnects", "slow", "indeterminate", "notifications blocked", "reloads"};
	uint64_t per_uid = answer->limit_per_uid;

	if (per_uid == ANSWER_UNLIMITED)
		per_uid = ANSWER_NONE;
	write_numbers(out, "limits:   ", 3, limits,
	    (uint64_t[]){answer->limit_clients, per_uid, answer->limit_unread});
	write_numbers(out, "counts:   ", 6, counts,
	    (uint64_t[]){answer->connects, answer->disconnects, answer->slow, answer->indeterminate,
		answer->notifications_blocked, answer->reloads});
	fputs("refused:  ", out);
	for (size_t i = 0; i < answer->refused_count; i++) {
		fprintf(out, "%s%" PRIu64 " ", i ? ", " : "", answer->refused[i].count);
		escape_plain(out, answer->refused[i].reason);
	}
	fputs(answer->refused_count ? "\n" : "none\n", out);
}

static void write_client(FILE *out, const struct answer_client *client)
{
	char buffer[LOOKUP_COMMAND], user[LOOKUP_USER], since[24];
	const char *command = lookup_command(client->pid, buffer);

	write_number(out, client->id, 5);
	write_name(out, client->name, 12);
	write_name(out, client->state, 13);
	write_number(out, client->pid, 7);
	write_number(out, client->uid, 6);
	write_name(out, lookup_user(client->uid, user), 8);
	format_time(since, client->since_ms);
	fprintf(out, "%8s  ", since);
	write_number(out, client->times, 5);
	write_number(out, client->queued, 6);
	if (command && strlen(command) > COMMAND_SIZE)
		strcpy(buffer + COMMAND_SIZE - 3, "...");
	escape_plain(out, command ? command : "-");
	fputc('\n', out);
}

void text_show(FILE *out, const struct answer *answer, const char *path)
{
	uint64_t unused = 0;

	(void)path;
	write_server(out, answer);
	write_sockets(out, answer);
	write_limits(out, answer);
	fprintf(out, "%5s  %-12s  %-13s  %7s  %6s  %-8s  %8s  %5s  %6s  %s\n", "slot", "name",
	    "state", "pid", "uid", "user", "for", "times", "queued", "command");
	for (size_t i = 0; i < answer->slot_count; i++) {
		const struct answer_client *slot = &answer->slot[i];
		bool is_used = slot->times != 0 && slot->times != ANSWER_NONE;

		if (!strcmp(slot->state, "free") && !slot->name && !is_used)
			unused++;
		else
			write_client(out, slot);
	}
	for (size_t i = 0; i < answer->waiting_count; i++)
		write_client(out, &answer->waiting[i]);
	if (unused)
		fprintf(out, "and %" PRIu64 " slots that nobody has used\n", unused);
}
