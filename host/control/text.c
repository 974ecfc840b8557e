/* SPDX-License-Identifier: MIT */
/*
 * text.c - an answer for a reader at a terminal.
 */
#include "control/process.h"
#include "control/show.h"
#include "control/write.h"

#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

#define TEXT_COMMAND 80 /* bytes of a command line; --json has more */

/* A name, not wider than (width). */
static void text_name(FILE *out, const char *name, size_t width)
{
	size_t used = write_plain(out, name ? name : "-");

	fprintf(out, "%*s  ", used < width ? (int)(width - used) : 0, "");
}

/* A number, or a dash, right in (width). */
static void text_number(FILE *out, uint64_t number, int width)
{
	if (number == ANSWER_NONE)
		fprintf(out, "%*s  ", width, "-");
	else
		fprintf(out, "%*" PRIu64 "  ", width, number);
}

/* "3d04h", "2h05m", "4m07s", "12.3s". */
static void text_time(char text[24], uint64_t ms)
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

static void text_counts(
    FILE *out, const char *head, size_t count, const char *const names[], const uint64_t numbers[])
{
	const char *comma = "";

	fputs(head, out);
	for (size_t i = 0; i < count; i++) {
		if (numbers[i] == ANSWER_NONE)
			continue;
		fprintf(out, "%s%" PRIu64 " %s", comma, numbers[i], names[i]);
		comma = ", ";
	}
	fputc('\n', out);
}

static void text_server(FILE *out, const struct answer *answer)
{
	char up[24], serving[24];

	text_time(up, answer->uptime_ms);
	text_time(serving, answer->serving_ms);
	fputs("server:   ", out);
	write_plain(out, answer->mode);
	fprintf(out, "%s, up %s, ", answer->raw ? ", raw" : "", up);
	if (answer->supervisor)
		fprintf(out, "supervisor %" PRIu64, answer->supervisor);
	else
		fputs(
		    "no supervisor: it was killed, and nobody replaces this server: stop it, and start anew",
		    out);
	fprintf(out, ", server %" PRIu64 " for %s", answer->server, serving);
	if (answer->takeovers != ANSWER_NONE && answer->takeovers != 0)
		fprintf(out, " after %" PRIu64 " takeovers", answer->takeovers);
	if (answer->epoch != ANSWER_NONE && answer->epoch != 0)
		fprintf(out, ", epoch 0x%08" PRIx64, answer->epoch);
	if (answer->filter == 0)
		fputs(", no filter", out);
	fputs("\nmemory:   ", out);
	write_plain(out, answer->kind);
	fprintf(out, ", %" PRIu64 " bytes", answer->size);
	if (answer->page != ANSWER_NONE)
		fprintf(out, " in pages of %" PRIu64, answer->page);
	fputs(", ", out);
	write_plain(out, answer->path);
	if (answer->lost == 1)
		fputs("\n          LOST: somebody made it smaller, or took its page away", out);
	fprintf(out, "\nregion:   %" PRIu64 " slots, %" PRIu64 " vectors\n", answer->slots,
	    answer->vectors);
}

static void text_sockets(FILE *out, const struct answer *answer)
{
	for (size_t i = 0; i < answer->listener_count; i++) {
		const struct answer_listener *listener = &answer->listener[i];

		fputs(i == 0 ? "sockets:  " : "          ", out);
		write_plain(out, listener->socket);
		if (listener->slot != ANSWER_NONE)
			fprintf(out, " slot %" PRIu64, listener->slot);
		if (listener->name) {
			fputc(' ', out);
			write_plain(out, listener->name);
		}
		fputc('\n', out);
	}
}

static void text_limits(FILE *out, const struct answer *answer)
{
	static const char *const limits[] = {"clients", "of one user", "messages unread by one"};
	static const char *const counts[] = {
	    "connects", "disconnects", "slow", "doubtful", "bells blocked", "reloads"};
	uint64_t per_uid = answer->limit_per_uid;

	if (per_uid == ANSWER_UNLIMITED)
		per_uid = ANSWER_NONE;
	text_counts(out, "limits:   ", 3, limits,
	    (uint64_t[]){answer->limit_clients, per_uid, answer->limit_unread});
	text_counts(out, "counts:   ", 6, counts,
	    (uint64_t[]){answer->connects, answer->disconnects, answer->slow, answer->doubtful,
		answer->bells_blocked, answer->reloads});
	fputs("refused:  ", out);
	for (size_t i = 0; i < answer->refused_count; i++) {
		fprintf(out, "%s%" PRIu64 " ", i ? ", " : "", answer->refused[i].count);
		write_plain(out, answer->refused[i].reason);
	}
	fputs(answer->refused_count ? "\n" : "none\n", out);
}

static void text_client(FILE *out, const struct answer_client *client)
{
	char buffer[PROCESS_COMMAND], user[PROCESS_USER], since[24];
	const char *command = process_command(client->pid, buffer);

	text_number(out, client->id, 5);
	text_name(out, client->name, 12);
	text_name(out, client->state, 8);
	text_number(out, client->pid, 7);
	text_number(out, client->uid, 6);
	text_name(out, process_user(client->uid, user), 8);
	text_time(since, client->since_ms);
	fprintf(out, "%8s  ", since);
	text_number(out, client->times, 5);
	text_number(out, client->queued, 6);
	if (command && strlen(command) > TEXT_COMMAND)
		strcpy(buffer + TEXT_COMMAND - 3, "...");
	write_plain(out, command ? command : "-");
	fputc('\n', out);
}

void text_show(FILE *out, const struct answer *answer, const char *path)
{
	uint64_t unused = 0;

	(void)path;
	text_server(out, answer);
	text_sockets(out, answer);
	text_limits(out, answer);
	fprintf(out, "%5s  %-12s  %-8s  %7s  %6s  %-8s  %8s  %5s  %6s  %s\n", "slot", "name",
	    "state", "pid", "uid", "user", "for", "times", "queued", "command");
	for (size_t i = 0; i < answer->slot_count; i++) {
		const struct answer_client *slot = &answer->slot[i];
		bool is_used = slot->times != 0 && slot->times != ANSWER_NONE;

		if (!strcmp(slot->state, "free") && !slot->name && !is_used)
			unused++;
		else
			text_client(out, slot);
	}
	for (size_t i = 0; i < answer->waiting_count; i++)
		text_client(out, &answer->waiting[i]);
	if (unused)
		fprintf(out, "and %" PRIu64 " slots that nobody has used\n", unused);
}
