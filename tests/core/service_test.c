/* SPDX-License-Identifier: MIT */
/*
 * service_test.c - names of peers, and of the services that they publish.
 */
#include "tests/lib/test.h"
#include "tests/core/world.h"

#include <string.h>

static struct ivsh_region a, b;
static struct ivsh_peer peers[WORLD_SLOTS];

static void attach(struct ivsh_region *region, uint32_t self, const char *name)
{
	struct ivsh_mem mem = world_mem(self);
	struct ivsh_attach attach = {.restart = ivsh_attach_restart,
	    .counters = ivsh_attach_counters,
	    .nonce = self + 1,
	    .name = name};

	CHECK_EQ(ivsh_region_attach(region, &mem, &attach), 0);
}

static void both(void)
{
	world_format();
	memset(peers, 0, sizeof(peers));
	attach(&a, 0, "alpha");
	attach(&b, 1, "beta");
}

/* SPEC R5.7. */
static void offers(void)
{
	char name[40] = "a";
	uint16_t port = 0;

	both();
	CHECK_EQ(ivsh_region_port(&a, 1, "echo", &port), IVSH_ENODEV);
	CHECK_EQ(ivsh_region_offer(&b, "echo", 7), 0);
	CHECK_EQ(world_slot(1)->sequence, 4);
	NEED_EQ(ivsh_region_port(&a, 1, "echo", &port), 0);
	CHECK_EQ(port, 7);
	CHECK_EQ(ivsh_region_port(&a, 1, "ech", &port), IVSH_ENODEV);
	CHECK_EQ(ivsh_region_port(&a, 1, "echoes", &port), IVSH_ENODEV);
	CHECK_EQ(ivsh_region_port(&a, 1, "", &port), IVSH_ENODEV);
	CHECK_EQ(ivsh_region_port(&a, 0, "echo", &port), IVSH_ENODEV);
	CHECK_EQ(ivsh_region_port(&a, WORLD_SLOTS, "echo", &port), IVSH_EINVAL);
	/* Another port takes the place of the first. */
	CHECK_EQ(ivsh_region_offer(&b, "echo", 65535), 0);
	NEED_EQ(ivsh_region_port(&a, 1, "echo", &port), 0);
	CHECK_EQ(port, 65535);
	for (unsigned i = 1; i < IVSH_WIRE_SERVICES; i++) {
		name[0] = (char)('a' + i);
		CHECK_EQ(ivsh_region_offer(&b, name, (uint16_t)i), 0);
	}
	CHECK_EQ(ivsh_region_offer(&b, "one more", 1), IVSH_ENOSPC);
	CHECK_EQ(ivsh_region_offer(&b, "echo", 8), 0);
	CHECK_EQ(ivsh_region_port(&a, 1, "p", &port), 0);
	CHECK_EQ(port, 15);
	/* A new incarnation has none. */
	attach(&b, 1, "beta");
	CHECK_EQ(ivsh_region_port(&a, 1, "echo", &port), IVSH_ENODEV);
	CHECK_EQ(ivsh_region_offer(&b, NULL, 1), IVSH_EINVAL);
	CHECK_EQ(ivsh_region_offer(&b, "", 1), IVSH_EINVAL);
	CHECK_EQ(ivsh_region_offer(&b, "tab\t", 1), IVSH_EINVAL);
	CHECK_EQ(ivsh_region_offer(&b, "123456789012345678901234567", 1), 0);
	CHECK_EQ(ivsh_region_offer(&b, "1234567890123456789012345678", 1), IVSH_EINVAL);
	CHECK_EQ(ivsh_region_port(&a, 1, "123456789012345678901234567", &port), 0);
	ivsh_region_detach(&b);
	CHECK_EQ(ivsh_region_offer(&b, "echo", 7), IVSH_ELOST);
}

/*
 * Any bytes in another's table are answered as printable text, or not at all. SPEC R5.7, R9.1,
 * R9.4.2.
 */
static void strangers(void)
{
	struct ivsh_service service;
	uint16_t port;

	both();
	memset(world_slot(1)->service, 0xff, sizeof(world_slot(1)->service));
	memcpy(world_slot(1)->service[3].name, "\x1b[2J", 5);
	CHECK_EQ(ivsh_region_service(&a, 1, 0, &service), 0);
	CHECK_EQ(strcmp(service.name, "???????????????????????????"), 0);
	CHECK_EQ(ivsh_region_service(&a, 1, 3, &service), 0);
	CHECK_EQ(strcmp(service.name, "?[2J"), 0);
	CHECK_EQ(service.port, 0xffff);
	CHECK_EQ(ivsh_region_service(&a, 1, 16, &service), IVSH_ENODEV);
	CHECK_EQ(ivsh_region_service(&a, 1, UINT32_MAX, &service), IVSH_ENODEV);
	CHECK_EQ(ivsh_region_service(&a, UINT32_MAX, 0, &service), IVSH_EINVAL);
	/* Being written, or its peer died writing. */
	world_slot(1)->sequence |= 1;
	CHECK_EQ(ivsh_region_service(&a, 1, 0, &service), IVSH_EAGAIN);
	CHECK_EQ(ivsh_region_port(&a, 1, "echo", &port), IVSH_EAGAIN);
	attach(&b, 1, "beta");
	CHECK_EQ(ivsh_region_port(&a, 1, "echo", &port), IVSH_ENODEV);
}

/* The lowest slot of those that are here. */
static void finds(void)
{
	uint32_t slot = 99;

	both();
	NEED_EQ(ivsh_region_find(&a, peers, WORLD_SLOTS, "beta", &slot), 0);
	CHECK_EQ(slot, 1);
	CHECK_EQ(ivsh_region_find(&a, peers, WORLD_SLOTS, "bet", &slot), IVSH_ENODEV);
	CHECK_EQ(ivsh_region_find(&a, peers, WORLD_SLOTS, "beta2", &slot), IVSH_ENODEV);
	/* Not oneself. */
	CHECK_EQ(ivsh_region_find(&a, peers, WORLD_SLOTS, "alpha", &slot), IVSH_ENODEV);
	CHECK_EQ(ivsh_region_find(&a, peers, WORLD_SLOTS - 1, "beta", &slot), IVSH_EINVAL);
	/* A silent peer gives way to one that has come. */
	world.now_ns += IVSH_HEARTBEAT_LIMIT_NS + 2;
	CHECK_EQ(ivsh_region_find(&a, peers, WORLD_SLOTS, "beta", &slot), IVSH_ENODEV);
	attach(&b, 5, "beta");
	NEED_EQ(ivsh_region_find(&a, peers, WORLD_SLOTS, "beta", &slot), 0);
	CHECK_EQ(slot, 5);
	ivsh_region_detach(&b);
	CHECK_EQ(ivsh_region_find(&a, peers, WORLD_SLOTS, "beta", &slot), IVSH_ENODEV);
}

static const struct test tests[] = {
    {"offers", offers},
    {"strangers' tables", strangers},
    {"finds", finds},
};

int main(void)
{
	return test_main("service", tests, sizeof(tests) / sizeof(tests[0]));
}
