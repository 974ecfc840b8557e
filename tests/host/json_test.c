/* SPDX-License-Identifier: MIT */
/*
 * json_test.c - what --json prints, byte by byte.
 */
#include "app/json.h"
#include "tests/lib/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static FILE *kept;
static char *got;
static size_t got_size;

/* Standard output becomes memory, until stop(). */
static void start(void)
{
	kept = stdout;
	stdout = open_memstream(&got, &got_size);
}

static void stop(const char *want)
{
	fclose(stdout);
	stdout = kept;
	if (strcmp(got, want) != 0) {
		printf("got  %swant %s", got, want);
		CHECK(!"the line");
	}
	free(got);
}

static void members(void)
{
	struct json j;

	start();
	json_begin(&j, "all");
	json_u64(&j, "most", UINT64_MAX);
	json_u64(&j, "none", 0);
	json_i64(&j, "least", INT64_MIN);
	json_bool(&j, "yes", true);
	json_bool(&j, "no", false);
	json_null(&j, "nothing");
	json_hex(&j, "word", UINT64_C(0xfedcba9876543210));
	json_text(&j, "text", "a \"b\" \\ c\n\t");
	json_text(&j, "no_text", NULL);
	json_end(&j);
	stop("{\"type\":\"all\",\"most\":18446744073709551615,\"none\":0,"
	     "\"least\":-9223372036854775808,\"yes\":true,\"no\":false,\"nothing\":null,"
	     "\"word\":\"0xfedcba9876543210\",\"text\":\"a \\\"b\\\" \\\\ c\\n\\u0009\","
	     "\"no_text\":null}\n");
}

static void decimals(void)
{
	struct json j;

	start();
	json_begin(&j, "decimals");
	json_decimal(&j, "us", 1234567, 3);
	json_decimal(&j, "small", 7, 3);
	json_decimal(&j, "zero", 0, 1);
	json_decimal(&j, "most", UINT64_MAX, 9);
	json_end(&j);
	stop("{\"type\":\"decimals\",\"us\":1234.567,\"small\":0.007,\"zero\":0.0,"
	     "\"most\":18446744073.709551615}\n");
}

static void nested(void)
{
	struct json j;

	start();
	json_begin(&j, "nested");
	json_array(&j, "list");
	json_u64(&j, NULL, 1);
	json_text(&j, NULL, "two");
	json_object(&j, NULL);
	json_u64(&j, "three", 3);
	json_array(&j, "empty");
	json_close(&j);
	json_close(&j);
	json_close(&j);
	json_object(&j, "object");
	json_close(&j);
	json_bool(&j, "last", true);
	json_end(&j);
	stop("{\"type\":\"nested\",\"list\":[1,\"two\",{\"three\":3,\"empty\":[]}],\"object\":{},"
	     "\"last\":true}\n");
}

/* What is still open ends with the line. */
static void ended(void)
{
	struct json j;

	start();
	json_begin(&j, "ended");
	json_array(&j, "list");
	json_object(&j, NULL);
	json_end(&j);
	json_begin(&j, "next");
	json_end(&j);
	stop("{\"type\":\"ended\",\"list\":[{}]}\n{\"type\":\"next\"}\n");
}

/* Each byte that a stranger may choose, and each character that is cut or is none. */
static void texts(void)
{
	static const struct {
		const char *text, *want;
	} rows[] = {
	    {"", ""},
	    {"\x01\x1f\x7f", "\\u0001\\u001f\\u007f"},
	    {"caf\xc3\xa9", "caf\\u00e9"},
	    {"\xe2\x82\xac", "\\u20ac"},
	    {"\xf0\x9f\x98\x80", "\\ud83d\\ude00"},
	    {"\xf4\x8f\xbf\xbf", "\\udbff\\udfff"},
	    {"\xc3", "\\ufffd"},
	    {"\xc3(", "\\ufffd("},
	    {"\x80|\xbf|\xc0\x80|\xc1\xbf", "\\ufffd|\\ufffd|\\ufffd\\ufffd|\\ufffd\\ufffd"},
	    {"\xe0\x9f\xbf", "\\ufffd\\ufffd\\ufffd"},
	    {"\xed\xa0\x80", "\\ufffd\\ufffd\\ufffd"},
	    {"\xf0\x8f\xbf\xbf", "\\ufffd\\ufffd\\ufffd\\ufffd"},
	    {"\xf4\x90\x80\x80", "\\ufffd\\ufffd\\ufffd\\ufffd"},
	    {"\xf5|\xff", "\\ufffd|\\ufffd"},
	    {"\xe2\x82", "\\ufffd\\ufffd"},
	};

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char want[128];
		struct json j;

		snprintf(want, sizeof(want), "{\"type\":\"t\",\"s\":\"%s\"}\n", rows[i].want);
		start();
		json_begin(&j, "t");
		json_text(&j, "s", rows[i].text);
		json_end(&j);
		stop(want);
	}
}

static void bytes(void)
{
	static const uint8_t zero[] = {'a', 0, 'b'}, none[] = {'a', 0xff, 0x00};
	struct json j;

	start();
	json_begin(&j, "b");
	json_bytes(&j, "data", zero, sizeof(zero));
	json_bytes(&j, "data", none, sizeof(none));
	json_bytes(&j, "data", NULL, 0);
	json_end(&j);
	stop("{\"type\":\"b\",\"data\":\"a\\u0000b\",\"data_hex\":\"61ff00\",\"data\":\"\"}\n");
}

static const struct test tests[] = {
    {"members", members},
    {"decimals", decimals},
    {"nested", nested},
    {"ended", ended},
    {"texts", texts},
    {"bytes", bytes},
};

int main(void)
{
	return test_main("json", tests, sizeof(tests) / sizeof(tests[0]));
}
