/* SPDX-License-Identifier: MIT */
/*
 * ledger.c - the layout of the ledger, and what must not change.
 */
#include "server/ledger.h"
#include "server/ids.h"
#include "server/log.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define LEDGER_ALIGN 64u

uint32_t ledger_words(uint32_t slots)
{
	return (slots + 63) / 64;
}

static size_t ledger_take(size_t *end, size_t count, size_t size)
{
	size_t begin = (*end + LEDGER_ALIGN - 1) / LEDGER_ALIGN * LEDGER_ALIGN;

	*end = begin + count * size;
	return begin;
}

/* Place every table behind the head at (base), which may be NULL: answers the size of all. */
static size_t ledger_place(struct ledger *ledger, char *base, const struct options *options)
{
	size_t slots = options->slots;
	size_t clients = clients_capacity(options);
	size_t end = sizeof(struct ledger_head);
	size_t listener = ledger_take(&end, slots + 1, sizeof *ledger->listener);
	size_t socket = ledger_take(&end, clients, sizeof *ledger->socket);
	size_t bells = ledger_take(&end, slots * options->vectors, sizeof *ledger->bells);
	size_t slot = ledger_take(&end, slots, sizeof *ledger->slot);
	size_t client = ledger_take(&end, clients, sizeof *ledger->client);
	size_t batch = ledger_take(&end, 1, sizeof *ledger->batch);
	size_t known = options->classic ? clients * ledger_words(options->slots) : 0;
	size_t knows = ledger_take(&end, known, sizeof *ledger->knows);
	size_t told =
	    ledger_take(&end, options->classic ? clients * IDS_WORDS : 0, sizeof *ledger->told);

	if (!base)
		return end;
	ledger->head = (void *)base;
	ledger->listener = (void *)(base + listener);
	ledger->socket = (void *)(base + socket);
	ledger->bells = (void *)(base + bells);
	ledger->slot = (void *)(base + slot);
	ledger->client = (void *)(base + client);
	ledger->batch = (void *)(base + batch);
	ledger->knows = (void *)(base + knows);
	ledger->told = (void *)(base + told);
	return end;
}

static int ledger_base(struct ledger *ledger, const struct options *options)
{
	char *base;

	ledger->size = ledger_place(ledger, NULL, options);
	base = mmap(NULL, ledger->size, PROT_READ | PROT_WRITE, MAP_SHARED, ledger->fd, 0);
	if (base == MAP_FAILED)
		return log_failure("ledger", "mmap: %s", strerror(errno));
	ledger_place(ledger, base, options);
	return 0;
}

int ledger_create(struct ledger *ledger, const struct options *options)
{
	*ledger = (struct ledger){.fd = memfd_create("ivsh-ledger", MFD_ALLOW_SEALING)};
	if (ledger->fd < 0)
		return log_failure("ledger", "memfd_create: %s", strerror(errno));
	ledger->size = ledger_place(ledger, NULL, options);
	if (ftruncate(ledger->fd, (off_t)ledger->size) ||
	    fcntl(ledger->fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) ||
	    ledger_base(ledger, options)) {
		log_failure("ledger", "%zu bytes: %s", ledger->size, strerror(errno));
		ledger_close(ledger);
		return -1;
	}
	ledger->head->version = LEDGER_VERSION;
	ledger->head->slots = options->slots;
	ledger->head->vectors = options->vectors;
	ledger->head->clients = clients_capacity(options);
	ledger->head->raw = options->raw;
	ledger->head->classic = options->classic;
	ledger->head->kind = options->kind;
	ledger->head->size = options->size;
	ledger->head->memory = ledger->head->control = -1;
	for (uint32_t i = 0; i <= options->slots; i++)
		ledger->listener[i].fd = -1;
	for (uint32_t i = 0; i < ledger->head->clients; i++)
		ledger->socket[i].fd = -1;
	for (uint32_t i = 0; i < options->slots; i++)
		ledger->slot[i].client = SLOTS_NONE;
	return 0;
}

static int ledger_fixed(const char *option, unsigned long long is, unsigned long long wanted)
{
	if (is == wanted)
		return 0;
	return log_failure(option,
	    "is %llu while the server runs, %llu is asked for: end the server and start it again",
	    is, wanted);
}

int ledger_map(struct ledger *ledger, int fd, const struct options *options)
{
	struct ledger_head head;
	struct stat st;

	*ledger = (struct ledger){.fd = fd};
	if (fstat(fd, &st) || pread(fd, &head, sizeof head, 0) != sizeof head)
		return log_failure("ledger", "cannot be read");
	if (head.version != LEDGER_VERSION)
		return log_failure("ledger",
		    "has version %u, this program knows %u: end the server and"
		    " start it again",
		    head.version, LEDGER_VERSION);
	if (ledger_fixed("--slots", head.slots, options->slots) ||
	    ledger_fixed("--vectors", head.vectors, options->vectors) ||
	    ledger_fixed("--size", head.size, options->size) ||
	    ledger_fixed("--raw", head.raw, options->raw) ||
	    ledger_fixed("--classic", head.classic, options->classic) ||
	    ledger_fixed("kind of memory", head.kind, options->kind) ||
	    ledger_fixed("clients", head.clients, clients_capacity(options)))
		return -1;
	if ((size_t)st.st_size != ledger_place(ledger, NULL, options))
		return log_failure("ledger", "has %lld bytes", (long long)st.st_size);
	return ledger_base(ledger, options);
}

int ledger_keep_config(const struct options *options)
{
	int fd;

	if (!options->config)
		return -1;
	/* Sealed: a server that was broken into must not write what the next one reads as root. */
	fd = memfd_create("ivsh-config", MFD_ALLOW_SEALING);
	if (fd >= 0 &&
	    write(fd, options->text, options->text_size) == (ssize_t)options->text_size &&
	    fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) == 0)
		return fd;
	if (fd >= 0)
		close(fd);
	return log_failure(options->config, "cannot be kept: %s", strerror(errno));
}

void ledger_close(struct ledger *ledger)
{
	if (ledger->head)
		munmap(ledger->head, ledger->size);
	if (ledger->fd >= 0)
		close(ledger->fd);
	*ledger = (struct ledger){.fd = -1};
}
