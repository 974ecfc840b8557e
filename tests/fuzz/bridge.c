/* SPDX-License-Identifier: MIT */
/*
 * bridge.c - what comes to a bridge from the bus, of any bytes, and its configuration.
 *
 * The input is a subject and a subject for the answer, each with a NUL behind it, then a message.
 */
#include "bridge/config.h"
#include "bridge/frame.h"
#include "bridge/reply.h"
#include "bridge/subject.h"
#include "tests/fuzz/feed.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	stderr = fopen("/dev/null", "w");
	return 0;
}

/* What is read as a subject is what is made of it again: there is one form of each. */
static void subject_check(const char *subject)
{
	char again[SUBJECT_SIZE];
	struct subject_pair pair;
	enum subject_kind kind;
	uint16_t port;

	if (!subject_read(subject, &pair, &kind, &port))
		return;
	FUZZ_MUST(subject_is_name(pair.region) && subject_is_name(pair.host));
	FUZZ_MUST(subject_is_name(pair.peer) && subject_is_name(pair.to_peer));
	FUZZ_MUST(subject_is_same(&pair, &pair));
	subject_make(again, &pair, kind, port);
	FUZZ_MUST(strcmp(again, subject) == 0);
}

/* Whoever walks over the messages of a whole frame ends where its bytes end. */
static void messages_check(const struct frame *frame, const uint8_t *bytes, size_t size)
{
	size_t at = 0;

	if (!frame_is_whole(frame, bytes, size))
		return;
	FUZZ_MUST(frame->number != 0 && frame->count != 0 && frame->count <= FRAME_MESSAGES);
	FUZZ_MUST(frame->number + (frame->count - 1) >= frame->number);
	if (frame->flags & FRAME_LOST)
		return;
	for (uint32_t i = 0; i < frame->count; i++)
		at += FRAME_LENGTH + frame_length_read(bytes + at);
	FUZZ_MUST(at == size);
}

static void frame_check(const uint8_t *bytes, size_t size)
{
	struct ivsh_service services[FRAME_SERVICES];
	uint8_t again[FRAME_STATE_SIZE];
	struct frame_received received;
	struct frame frame;
	uint32_t count;

	if (!frame_read(&frame, bytes, size))
		return;
	FUZZ_MUST(frame.epoch != 0);
	frame_write(again, &frame);
	FUZZ_MUST(memcmp(again, bytes, FRAME_SIZE) == 0);
	messages_check(&frame, bytes + FRAME_SIZE, size - FRAME_SIZE);
	if (size < FRAME_STATE)
		return;
	frame_received_read(&received, bytes + FRAME_SIZE);
	frame_received_write(again, &received);
	FUZZ_MUST(memcmp(again, bytes + FRAME_SIZE, 20) == 0);
	count = frame_services_read(services, bytes + FRAME_STATE, size - FRAME_STATE);
	FUZZ_MUST(count <= FRAME_SERVICES);
	for (uint32_t i = 0; i < count; i++) {
		size_t length = strnlen(services[i].name, sizeof(services[i].name));

		FUZZ_MUST(length > 0 && length < sizeof(services[i].name));
	}
	size = frame_services_write(again, services, count);
	FUZZ_MUST(memcmp(again, bytes + FRAME_STATE, size) == 0);
}

static void reply_check(const char *answer, const char *text, size_t size)
{
	uint64_t number, place;
	char word[16];

	if (reply_delivery(answer, &number, &place, word, sizeof(word)))
		FUZZ_MUST(number != 0 && *word && strlen(word) < sizeof(word));
	(void)reply_has(text, size, "error");
	(void)reply_number(text, size, "seq", &number);
	(void)reply_identity(text, size, "created", &number);
	if (reply_word(text, size, "name", word, sizeof(word)))
		FUZZ_MUST(*word && strlen(word) < sizeof(word));
}

static void config_check(const uint8_t *bytes, size_t size)
{
	static struct config config;
	char *text = malloc(size + 1);

	memcpy(text, bytes, size);
	text[size] = '\0';
	if (config_parse(&config, "file", text, size) == 0) {
		FUZZ_MUST(subject_is_name(config.region) && subject_is_name(config.host));
		FUZZ_MUST(config.local_count > 0 && config.remote_count > 0);
		FUZZ_MUST(config.local_count + config.remote_count <= CONFIG_SLOTS);
		for (uint32_t i = 0; i < config.remote_count; i++)
			FUZZ_MUST(strcmp(config.remote[i].host, config.host) != 0);
	}
	config_free(&config);
	free(text);
}

/* A copy of the string at *at, up to (end): *at is behind it. */
static char *string_take(const uint8_t **at, const uint8_t *end)
{
	size_t length = strnlen((const char *)*at, (size_t)(end - *at));
	char *text = strndup((const char *)*at, length);

	*at += length + (*at + length < end);
	return text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *at = data, *end = data + size;
	char *subject = string_take(&at, end), *answer = string_take(&at, end);
	size_t left = (size_t)(end - at);
	uint8_t *exact = malloc(left ? left : 1);

	/* It ends where its memory ends. */
	memcpy(exact, at, left);
	subject_check(subject);
	frame_check(exact, left);
	reply_check(answer, (const char *)exact, left);
	config_check(data, size);
	free(exact);
	free(answer);
	free(subject);
	return 0;
}
