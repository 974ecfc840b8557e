/* SPDX-License-Identifier: MIT */
/*
 * load.c - many clients of an ivshmem server, in one process, that check every message.
 *
 * The results go to stdout as lines of key=value. Exit status: 0 all was delivered, 1 not,
 * 2 usage. swarm.c has many clients at a time, visits.c one after the other.
 */
#include "tests/host/load.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define LOAD_TIMEOUT_MS 60000

double load_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

bool load_is_late(const struct load *load)
{
	return load_now_ms() - load->began_ms > load->timeout_ms;
}

/* A process's CPU clock is exact; the times in /proc change once in a tick. */
double load_cpu_ms(const struct load *load)
{
	double sum = 0;

	for (uint32_t i = 0; i < load->pids; i++) {
		struct timespec used = {0};
		clockid_t clock;
		int error = clock_getcpuclockid(load->pid[i], &clock);

		if (error || clock_gettime(clock, &used))
			fprintf(stderr, "load: clock of %ld: %s\n", (long)load->pid[i],
			    strerror(error ? error : errno));
		sum += (double)used.tv_sec * 1e3 + (double)used.tv_nsec / 1e6;
	}
	return sum;
}

/* xorshift64: the same seed gives the same run. */
uint32_t load_random(struct load *load, uint32_t limit)
{
	load->seed ^= load->seed << 13;
	load->seed ^= load->seed >> 7;
	load->seed ^= load->seed << 17;
	return (uint32_t)((load->seed >> 16) % limit);
}

int load_connect(const struct load *load, bool wait)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | (wait ? 0 : SOCK_NONBLOCK), 0);
	int error;

	if (fd < 0)
		return -1;
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", load->socket);
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
		return fd;
	error = errno;
	close(fd);
	errno = error;
	return -1;
}

/* The number that the kernel gave an eventfd: equal for all descriptors of it. */
static uint64_t eventfd_number(int fd)
{
	unsigned long long id = UINT64_MAX;
	char path[64], line[128];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "eventfd-id: %llu", &id) == 1)
			break;
	if (file)
		fclose(file);
	return id;
}

/* Returns the descriptor; -1: none; -2: a part of a message, or more than one descriptor. */
static int read_message(const struct mmsghdr *got, const unsigned char *bytes, int64_t *value)
{
	const struct msghdr *header = &got->msg_hdr;
	const struct cmsghdr *c = CMSG_FIRSTHDR(header);
	uint64_t word = 0;
	int fd = -1;

	for (unsigned i = 0; i < 8; i++)
		word |= (uint64_t)bytes[i] << (8 * i);
	*value = (int64_t)word;
	if (got->msg_len != 8 || (header->msg_flags & MSG_CTRUNC))
		return -2;
	if (c && (c->cmsg_type != SCM_RIGHTS || c->cmsg_len != CMSG_LEN(sizeof(fd))))
		return -2;
	if (c)
		memcpy(&fd, CMSG_DATA(c), sizeof(fd));
	return fd;
}

/* Descriptors that came together mostly have consecutive numbers: one call closes them. */
static void close_all(const int *fds, unsigned count)
{
	for (unsigned first = 0, next; first < count; first = next) {
		for (next = first + 1; next < count && fds[next] == fds[next - 1] + 1;)
			next++;
		close_range((unsigned)fds[first], (unsigned)fds[next - 1], 0);
	}
}

int load_take(
    const struct load *load, int fd, struct load_message *messages, unsigned count, bool wait)
{
	union {
		struct cmsghdr align;
		unsigned char bytes[CMSG_SPACE(sizeof(int))];
	} control[LOAD_BATCH];
	unsigned char bytes[LOAD_BATCH][8];
	struct mmsghdr header[LOAD_BATCH];
	struct iovec io[LOAD_BATCH];
	int fds[LOAD_BATCH], got, taken = 0;
	unsigned held = 0;

	for (unsigned i = 0; i < count; i++) {
		io[i] = (struct iovec){bytes[i], 8};
		header[i].msg_hdr = (struct msghdr){.msg_iov = &io[i],
		    .msg_iovlen = 1,
		    .msg_control = &control[i],
		    .msg_controllen = sizeof(control[i])};
	}
	got = recvmmsg(
	    fd, header, count, MSG_CMSG_CLOEXEC | (wait ? MSG_WAITFORONE : MSG_DONTWAIT), NULL);
	if (got < 0)
		return -1;
	/* Messages before the end of the stream count first. */
	for (; taken < got && header[taken].msg_len != 0; taken++) {
		struct load_message *message = &messages[taken];
		int with = read_message(&header[taken], bytes[taken], &message->value);

		if (with == -2) {
			errno = EBADMSG;
			return -1;
		}
		message->has_fd = with >= 0;
		message->eventfd = load->identity && with >= 0 ? eventfd_number(with) : 0;
		if (with >= 0)
			fds[held++] = with;
	}
	close_all(fds, held);
	return taken;
}

int64_t load_slot_value(const struct load *load, uint32_t id, uint32_t step)
{
	uint32_t position;

	if (step < LOAD_HEAD)
		return step == 0 ? 0 : step == 1 ? (int64_t)id : -1;
	position = (step - LOAD_HEAD) / load->vectors;
	/* The other slots in ascending order, then the own one. */
	return position == load->slots - 1 ? id : position < id ? position : position + 1;
}

static void parse_pids(struct load *load, const char *list)
{
	for (char *end; *list && load->pids < LOAD_PIDS; list = *end ? end + 1 : end)
		load->pid[load->pids++] = (pid_t)strtol(list, &end, 10);
}

static int usage(void)
{
	fputs("Usage: load -S SOCKET (--slots N | --classic) [OPTION]...\n"
	      "  --vectors N   --clients N   --joining N (at a time; all)\n"
	      "  --stall N     clients that never read, before the others\n"
	      "  --leave N     all leave in random order, N at a time\n"
	      "  --churn N     N times one leaves and one comes\n"
	      "  --identity    all clients have the same eventfds\n"
	      "  --cycles N [--after K|random]   --joins N   --garbage N   one after the other\n"
	      "  --pid PID[,PID...]   --seed N   --timeout MS   --lossy MS\n",
	    stderr);
	return 2;
}

enum {
	LOAD_SLOTS = 256,
	LOAD_CLASSIC,
	LOAD_VECTORS,
	LOAD_CLIENTS,
	LOAD_JOINING,
	LOAD_STALL,
	LOAD_LEAVE,
	LOAD_CHURN,
	LOAD_IDENTITY,
	LOAD_CYCLES,
	LOAD_AFTER,
	LOAD_JOINS,
	LOAD_GARBAGE,
	LOAD_PID,
	LOAD_SEED,
	LOAD_TIMEOUT,
	LOAD_LOSSY
};

static const struct option long_options[] = {{"slots", 1, NULL, LOAD_SLOTS},
    {"classic", 0, NULL, LOAD_CLASSIC}, {"vectors", 1, NULL, LOAD_VECTORS},
    {"clients", 1, NULL, LOAD_CLIENTS}, {"joining", 1, NULL, LOAD_JOINING},
    {"stall", 1, NULL, LOAD_STALL}, {"leave", 1, NULL, LOAD_LEAVE}, {"churn", 1, NULL, LOAD_CHURN},
    {"identity", 0, NULL, LOAD_IDENTITY}, {"cycles", 1, NULL, LOAD_CYCLES},
    {"after", 1, NULL, LOAD_AFTER}, {"joins", 1, NULL, LOAD_JOINS},
    {"garbage", 1, NULL, LOAD_GARBAGE}, {"pid", 1, NULL, LOAD_PID}, {"seed", 1, NULL, LOAD_SEED},
    {"timeout", 1, NULL, LOAD_TIMEOUT}, {"lossy", 1, NULL, LOAD_LOSSY}, {0}};

/* Where the number of an option goes; NULL: the option has no number. */
static uint32_t *number_of(struct load *load, int option)
{
	switch (option) {
	case LOAD_SLOTS:
		return &load->slots;
	case LOAD_VECTORS:
		return &load->vectors;
	case LOAD_CLIENTS:
		return &load->clients;
	case LOAD_JOINING:
		return &load->joining;
	case LOAD_STALL:
		return &load->stalled;
	case LOAD_LEAVE:
		return &load->leaving;
	case LOAD_CHURN:
		return &load->churn;
	case LOAD_CYCLES:
		return &load->cycles;
	case LOAD_AFTER:
		return &load->after;
	case LOAD_JOINS:
		return &load->joins;
	case LOAD_GARBAGE:
		return &load->garbage;
	case LOAD_TIMEOUT:
		return &load->timeout_ms;
	case LOAD_LOSSY:
		return &load->lossy_ms;
	default:
		return NULL;
	}
}

static bool parse(struct load *load, int argc, char **argv)
{
	int option;

	while ((option = getopt_long(argc, argv, "S:", long_options, NULL)) != -1) {
		uint32_t *number = number_of(load, option);

		if (number && strcmp(optarg, "random") == 0)
			*number = LOAD_ALL;
		else if (number)
			*number = (uint32_t)strtoul(optarg, NULL, 10);
		else if (option == 'S')
			load->socket = optarg;
		else if (option == LOAD_CLASSIC)
			load->classic = true;
		else if (option == LOAD_IDENTITY)
			load->identity = true;
		else if (option == LOAD_PID)
			parse_pids(load, optarg);
		else if (option == LOAD_SEED)
			load->seed = strtoull(optarg, NULL, 10) * 2 + 1;
		else
			return false;
	}
	return load->socket && load->classic == (load->slots == 0) && optind == argc;
}

int main(int argc, char **argv)
{
	struct load load = {.vectors = 2,
	    .seed = 88172645463325252,
	    .joining = LOAD_ALL,
	    .timeout_ms = LOAD_TIMEOUT_MS};
	struct rlimit limit;
	bool good = true;

	if (!parse(&load, argc, argv))
		return usage();
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
	load.began_ms = load_now_ms();
	if (load.cycles)
		good = visits_cycles(&load) && good;
	if (load.garbage)
		good = visits_garbage(&load) && good;
	if (load.joins)
		good = visits_joins(&load) && good;
	if (load.clients)
		good = swarm_run(&load) && good;
	return good ? 0 : 1;
}
