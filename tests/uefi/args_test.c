/* SPDX-License-Identifier: MIT */
/*
 * args_test.c - load options of any content: the words are right, and in bounds.
 */
#include "uefi/args.h"
#include "tests/lib/test.h"

#include <stdlib.h>
#include <string.h>

/* Split (size) bytes at the end of a block of their own: reading one byte more is a fault. */
static const char *split(struct args *args, const void *bytes, uint32_t size)
{
	uint8_t *copy = malloc(size > 0 ? size : 1);
	const char *wrong;

	memset(args, 0xa5, sizeof(*args));
	memcpy(copy, bytes, size);
	wrong = args_split(args, copy, size);
	free(copy);
	return wrong;
}

/* (text) as UCS-2, (cut) bytes shorter than with its NUL. */
static const char *split_text(struct args *args, const char *text, uint32_t cut)
{
	static uint8_t bytes[8192];
	uint32_t size = (uint32_t)strlen(text) * 2 + 2;

	memset(bytes, 0, sizeof(bytes));
	for (uint32_t i = 0; text[i] != 0; i++)
		bytes[2 * i] = (uint8_t)text[i];
	return split(args, bytes, size - cut);
}

static void words(void)
{
	static const struct {
		const char *text, *want; /* the words with | between */
	} rows[] = {
	    {"", "ivsh"},
	    {"   ", "ivsh"},
	    {"info", "ivsh|info"},
	    {"ivsh.efi", "ivsh"},
	    {"ivsh.efi echo", "ivsh|echo"},
	    {"IVSH.EFI echo", "ivsh|echo"},
	    {"ivsh echo", "ivsh|echo"},
	    {"fs0:\\ivsh echo", "ivsh|echo"},
	    {"FS0:\\a\\b\\Ivsh.Efi echo", "ivsh|echo"},
	    {"\"fs0:\\my tools\\ivsh.efi\" echo", "ivsh|echo"},
	    {"renamed.efi echo", "ivsh|echo"},
	    {".efi echo", "ivsh|.efi|echo"},
	    {"ivshx echo", "ivsh|ivshx|echo"},
	    {"echo ivsh", "ivsh|echo|ivsh"},
	    {"ivsh ivsh", "ivsh|ivsh"},
	    {"  send  1\tx\r\n", "ivsh|send|1|x"},
	    {"send 1 \"two words\"", "ivsh|send|1|two words"},
	    {"send 1 a\"b c\"d", "ivsh|send|1|ab cd"},
	    {"send 1 \"\"", "ivsh|send|1|"},
	    {"\"\" \"\"", "ivsh||"},
	};

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		/* With the NUL, without it, and with half of it. */
		for (uint32_t cut = 0; cut < 3; cut++) {
			struct args args;
			char got[256] = "";

			test_row(rows[i].text);
			CHECK(split_text(&args, rows[i].text, cut) == NULL);
			for (int k = 0; k < args.argc; k++) {
				strcat(got, k > 0 ? "|" : "");
				strcat(got, args.argv[k]);
			}
			CHECK_EQ(strcmp(got, rows[i].want), 0);
			CHECK(args.argv[args.argc] == NULL);
		}
	}
}

static void absent(void)
{
	static const uint8_t odd = 'x';
	struct args args;

	CHECK(args_split(&args, NULL, 0) == NULL);
	CHECK_EQ(args.argc, 1);
	CHECK(args_split(&args, NULL, 0xffffffff) == NULL);
	CHECK_EQ(args.argc, 1);
	CHECK(split(&args, &odd, 0) == NULL);
	CHECK_EQ(args.argc, 1);
	CHECK(split(&args, &odd, 1) == NULL);
	CHECK_EQ(args.argc, 1);
}

/* A line that does not fit is refused, and the words before the error are there. */
static void too_much(void)
{
	static char text[4096];
	struct args args;

	memset(text, 'x', sizeof(text) - 1);
	memcpy(text, "--exit=qemu ", 12);
	CHECK(split_text(&args, text, 0) != NULL);
	CHECK(args.argc >= 2 && strcmp(args.argv[1], "--exit=qemu") == 0);

	text[1023] = 0;
	CHECK(split_text(&args, text, 0) == NULL);
	text[1023] = 'x';
	text[1024] = 0;
	CHECK(split_text(&args, text, 0) != NULL);

	for (unsigned i = 0; i < sizeof(text) - 1; i++)
		text[i] = i % 2 ? ' ' : 'x';
	text[126] = 0;
	CHECK(split_text(&args, text, 0) == NULL);
	CHECK_EQ(args.argc, ARGS_WORDS);
	text[126] = 'x';
	text[127] = 0;
	CHECK(split_text(&args, text, 0) != NULL);
	CHECK_EQ(args.argc, ARGS_WORDS);
	CHECK(args.argv[ARGS_WORDS] == NULL);

	CHECK(split_text(&args, "a \"b", 0) != NULL);
	CHECK_EQ(args.argc, 2);
}

/* UCS-2 beyond ASCII becomes UTF-8, surrogates do not. */
static void beyond_ascii(void)
{
	static const uint8_t bytes[] = {0xe4, 0, 0xac, 0x20, 0x3d, 0xd8, 0xff, 0xff};
	struct args args;

	CHECK(split(&args, bytes, sizeof(bytes)) == NULL);
	CHECK_EQ(args.argc, 2);
	CHECK_EQ(strcmp(args.argv[1], "\xc3\xa4\xe2\x82\xac?\xef\xbf\xbf"), 0);
}

/* Any bytes, of any size: the sanitizers report what is wrong. */
static void any_bytes(void)
{
	uint64_t seed = 1;

	for (int round = 0; round < 20000; round++) {
		static uint8_t bytes[3000];
		struct args args;
		uint32_t size;

		for (unsigned i = 0; i < sizeof(bytes); i++) {
			seed = seed * 6364136223846793005u + 1442695040888963407u;
			bytes[i] = (uint8_t)(seed >> 56);
			/* Half of the rounds are ASCII, where quotes and blanks are frequent. */
			if (round % 2)
				bytes[i] = i % 2 ? 0 : "a \"b\t"[bytes[i] % 5];
		}
		size = (uint32_t)(seed >> 33) % sizeof(bytes);
		(void)split(&args, bytes, size);
		CHECK(args.argc >= 1 && args.argc <= ARGS_WORDS);
		CHECK(args.argv[args.argc] == NULL);
		for (int k = 1; k < args.argc; k++)
			CHECK(args.argv[k] >= args.text &&
			      args.argv[k] + strlen(args.argv[k]) < args.text + sizeof(args.text));
	}
}

int main(void)
{
	static const struct test tests[] = {
	    {"words", words},
	    {"absent", absent},
	    {"too much", too_much},
	    {"beyond ASCII", beyond_ascii},
	    {"any bytes", any_bytes},
	};

	return test_main("uefi args", tests, sizeof(tests) / sizeof(tests[0]));
}
