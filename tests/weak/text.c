/* SPDX-License-Identifier: MIT */
/*
 * text.c - a name that is read while its peer writes it: both words of it are old, or both new.
 */
#include "tests/weak/world.h"

#include "core/text.h"

#include <pthread.h>

static uint64_t in[2], new_name[2] = {1, 1};

static void *writer(void *arg)
{
	struct ivsh_wire_slot *slot = world_slot(0);

	ivsh_text_write(slot, slot->name, (const char *)new_name, sizeof(new_name));
	return arg;
}

static void *reader(void *arg)
{
	const struct ivsh_wire_slot *slot = world_slot(0);

	if (ivsh_text_read(slot, slot->name, (char *)in, sizeof(in)) == 0)
		CHECK(in[0] == in[1]);
	return arg;
}

int main(void)
{
	pthread_t threads[2];

	world_open();
	pthread_create(&threads[0], NULL, writer, NULL);
	pthread_create(&threads[1], NULL, reader, NULL);
	pthread_join(threads[0], NULL);
	pthread_join(threads[1], NULL);
	return 0;
}
