/* SPDX-License-Identifier: MIT */
/*
 * answer.c - a client of the control socket reads an answer of any bytes.
 */
#include "control/answer.h"
#include "control/render.h"
#include "tests/fuzz/feed.h"
#include "control/device.h"
#include "control/lookup.h"
#include "control/formats.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* In the place of this machine's processes and users, which are not part of the input. */
const char *__wrap_lookup_command(uint64_t pid, char command[LOOKUP_COMMAND]);
const char *__wrap_lookup_command(uint64_t pid, char command[LOOKUP_COMMAND])
{
	return pid % 2 ? NULL : strcpy(command, "a \x1b[2J \"\\ \xff\xc3\xa4 \n b");
}

const char *__wrap_lookup_user(uint64_t uid, char user[LOOKUP_USER]);
const char *__wrap_lookup_user(uint64_t uid, char user[LOOKUP_USER])
{
	return uid % 2 ? NULL : strcpy(user, "\r\xfe\"");
}

static void must_be_text(const char *text)
{
	/* strlen() reads each byte under ASan. */
	FUZZ_MUST(text != NULL && strlen(text) < SIZE_MAX);
}

static void check(const struct answer *answer)
{
	FUZZ_MUST(answer->version == 2 && answer->raw <= 1);
	must_be_text(answer->mode);
	must_be_text(answer->kind);
	must_be_text(answer->path);
	for (size_t i = 0; i < answer->listener_count; i++)
		must_be_text(answer->listener[i].socket);
	for (size_t i = 0; i < answer->refused_count; i++)
		must_be_text(answer->refused[i].reason);
	for (size_t i = 0; i < answer->slot_count; i++)
		must_be_text(answer->slot[i].state);
	for (size_t i = 0; i < answer->waiting_count; i++)
		must_be_text(answer->waiting[i].state);
}

/* The text steers no terminal. */
static void must_be_plain(const char *text, size_t size, bool is_ascii)
{
	for (size_t i = 0; i < size; i++) {
		unsigned char c = (unsigned char)text[i];

		FUZZ_MUST((c >= 0x20 || c == '\n') && c != 0x7f && (c < 0x7f || !is_ascii));
	}
}

/* A label may have any character, but each line begins as a line of ours. */
static void must_be_ours(const char *text, size_t size)
{
	for (const char *line = text; line < text + size; line = strchr(line, '\n') + 1)
		FUZZ_MUST(strchr(line, '\n') && (*line == '#' || !strncmp(line, "ivsh_", 5)));
}

static void show(const struct answer *answer)
{
	static void (*const ways[])(FILE *, const struct answer *, const char *) = {
	    text_show, json_show, prometheus_show};
	const struct device device = {
	    .answer = answer, .socket = "/run/x\x01 'y'", .name = "n\"<&>"};
	char *text = NULL;
	size_t size = 0;

	for (unsigned i = 0; i < 3; i++) {
		FILE *out = open_memstream(&text, &size);

		FUZZ_MUST(out != NULL);
		ways[i](out, answer, "/run/p\n\"\x7f");
		fclose(out);
		if (i == 2)
			must_be_ours(text, size);
		else
			must_be_plain(text, size, i == 0);
		free(text);
	}
	FILE *out = open_memstream(&text, &size);

	FUZZ_MUST(out != NULL);
	qemu_doorbell(out, &device);
	qemu_plain(out, &device);
	libvirt_doorbell(out, &device);
	(void)libvirt_plain(out, &device, "/run/p");
	fclose(out);
	free(text);
}

/* The parsed answer is one that the server would write: parsing it again answers the same. */
static void render(const struct answer *answer)
{
	struct answer again;
	size_t size, size_again;
	char *text = render_answer(answer, &size), *copy = strdup(text), *text_again;

	FUZZ_MUST(answer_parse(&again, copy, size) == NULL);
	text_again = render_answer(&again, &size_again);
	FUZZ_MUST(size_again == size && !memcmp(text, text_again, size));
	answer_free(&again);
	free(copy);
	free(text);
	free(text_again);
}

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	stderr = fopen("/dev/null", "w"); /* libFuzzer has its own by now */
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);
	struct answer answer;

	if (size)
		memcpy(text, data, size);
	text[size] = '\0';
	if (answer_parse(&answer, text, size) == NULL) {
		check(&answer);
		show(&answer);
		render(&answer);
	}
	answer_free(&answer);
	answer_free(&answer);
	free(text);
	return 0;
}
