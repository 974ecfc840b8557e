/* SPDX-License-Identifier: MIT */
/*
 * show_test.c - a node's log, and its counters and gauges. SPEC R5.15, R15.1, R15.2.
 */
#include "tests/lib/test.h"
#include "tests/node/town.h"

#include <string.h>

static struct ivsh_metric metric[2];

static void logs_format(uint32_t log_size)
{
	const struct ivsh_geometry geometry = {WORLD_SLOTS, TOWN_DESCS, 4096, 8192, log_size};

	town_reset();
	CHECK_EQ(world_format_again(&geometry, true), 0);
}

/* One line each, and another node reads it. */
static void shows(void)
{
	struct ivsh_metric_sample sample;
	struct ivsh_log_reader reader;
	char text[64];
	uint32_t got;
	uint64_t lost;

	logs_format(8192);
	NEED_EQ(town_open(2, NULL), 0);
	NEED_EQ(town_open(5, NULL), 0);
	CHECK_EQ(ivsh_node_log(town[2], "begin\n", 6), 0);
	CHECK_EQ(ivsh_node_log(town[2], "end\n", 4), 0);
	CHECK_EQ(ivsh_node_metric(town[2], "orders", IVSH_METRIC_COUNTER, &metric[0]), 0);
	CHECK_EQ(ivsh_node_metric(town[2], "orders", IVSH_METRIC_COUNTER, &metric[1]), IVSH_EINVAL);
	CHECK_EQ(ivsh_node_metric(town[2], "queue", IVSH_METRIC_GAUGE, &metric[1]), 0);
	ivsh_metric_add(&metric[0], 12);
	ivsh_metric_set(&metric[1], -3);

	for (unsigned life = 0; life < 2; life++) {
		NEED_EQ(ivsh_log_reader_open(&reader, &town[5]->region, 2), 0);
		NEED_EQ(ivsh_log_read(&reader, text, sizeof(text), &got, &lost), 0);
		CHECK_EQ(got, 10);
		CHECK_EQ(memcmp(text, "begin\nend\n", 10), 0);
		NEED_EQ(ivsh_metric_read(&town[5]->region, 2, 0, &sample), 0);
		CHECK_EQ(sample.value, 12);
		NEED_EQ(ivsh_metric_read(&town[5]->region, 2, 1, &sample), 0);
		CHECK_EQ((int64_t)sample.value, -3);
		CHECK_EQ(strcmp(sample.name, "queue"), 0);
		if (life == 0)
			town_kill(2);
	}
	/* A new node in the slot: the log goes on, the numbers begin again. */
	NEED_EQ(town_open(2, NULL), 0);
	CHECK_EQ(ivsh_metric_read(&town[5]->region, 2, 0, &sample), IVSH_ENODEV);
	CHECK_EQ(ivsh_node_log(town[2], "again\n", 6), 0);
	NEED_EQ(ivsh_log_read(&reader, text, sizeof(text), &got, &lost), 0);
	CHECK_EQ(got, 6);
	CHECK_EQ(reader.begin, 10);
	CHECK_EQ(reader.incarnation, town[2]->region.incarnation);
	/* No slot, no log. */
	world_slot(2)->nonce ^= 1;
	CHECK_EQ(ivsh_node_log(town[2], "late\n", 5), IVSH_ELOST);
	CHECK_EQ(ivsh_log_read(&reader, text, sizeof(text), &got, &lost), IVSH_EAGAIN);
}

static void without_logs(void)
{
	logs_format(0);
	NEED_EQ(town_open(2, NULL), 0);
	CHECK_EQ(ivsh_node_log(town[2], "begin\n", 6), IVSH_ENODEV);
	CHECK_EQ(ivsh_node_metric(town[2], "orders", IVSH_METRIC_COUNTER, &metric[0]), 0);
}

static const struct test tests[] = {
    {"show: log and metrics", shows},
    {"show: without logs", without_logs},
};

int main(void)
{
	return test_main("node", tests, sizeof(tests) / sizeof(tests[0]));
}
