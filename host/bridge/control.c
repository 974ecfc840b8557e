/* SPDX-License-Identifier: MIT */
/*
 * control.c - the socket where a bridge says what it has done: whoever connects gets all of it.
 */
#include "bridge/control.h"
#include "process/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define NAME "control"

/* By the folder's descriptor: its path may be longer than an address can be. */
static struct sockaddr_un address_of(int folder)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	snprintf(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d/" NAME, folder);
	return address;
}

int control_connect(int folder)
{
	struct sockaddr_un address = address_of(folder);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), error;

	if (fd < 0 || connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0)
		return fd;
	error = errno;
	close(fd);
	errno = error;
	return -1;
}

/* A copy, since a file could not be opened for it where no descriptor is left. */
static void hold_spare(struct control *control)
{
	if (control->spare < 0)
		control->spare = fcntl(control->listener, F_DUPFD_CLOEXEC, 3);
}

int control_open(struct control *control, int folder, void (*write)(FILE *out, struct bridge *b))
{
	struct sockaddr_un address = address_of(folder);

	*control = (struct control){.write = write, .spare = -1};
	for (uint32_t i = 0; i < CONTROL_ANSWERS; i++)
		control->answers[i].fd = -1;
	control->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	/* Of one that was killed: the lock on the folder says that no other runs. */
	(void)unlinkat(folder, NAME, 0);
	if (control->listener >= 0) {
		hold_spare(control);
		if (control->spare >= 0 &&
		    bind(control->listener, (const struct sockaddr *)&address, sizeof(address)) ==
			0 &&
		    listen(control->listener, 8) == 0)
			return 0;
	}
	log_failure(NAME, "%s", strerror(errno));
	control_close(control);
	return -1;
}

nfds_t control_poll(struct control *control, struct pollfd fds[CONTROL_FDS])
{
	nfds_t count = 0;

	hold_spare(control);
	/* Without, who asks has to wait: else each poll(2) would find what cannot be accepted. */
	if (control->spare >= 0)
		fds[count++] = (struct pollfd){.fd = control->listener, .events = POLLIN};
	for (uint32_t i = 0; i < CONTROL_ANSWERS; i++)
		if (control->answers[i].fd >= 0)
			fds[count++] =
			    (struct pollfd){.fd = control->answers[i].fd, .events = POLLOUT};
	return count;
}

static void answer_end(struct control_answer *answer)
{
	if (answer->fd >= 0)
		close(answer->fd);
	free(answer->text);
	*answer = (struct control_answer){.fd = -1};
}

/* As much of it as the reader takes now. */
static void answer_send(struct control_answer *answer)
{
	ssize_t sent = 1;

	while (answer->done < answer->size && sent > 0) {
		sent = send(answer->fd, answer->text + answer->done, answer->size - answer->done,
		    MSG_NOSIGNAL);
		answer->done += sent > 0 ? (size_t)sent : 0;
	}
	if (answer->done == answer->size || (errno != EAGAIN && errno != EINTR))
		answer_end(answer);
}

/* One that nobody reads; else the oldest, which ends. */
static struct control_answer *answer_free(struct control *control)
{
	struct control_answer *oldest = &control->answers[0];

	for (uint32_t i = 0; i < CONTROL_ANSWERS; i++) {
		if (control->answers[i].fd < 0)
			return &control->answers[i];
		if (control->answers[i].number < oldest->number)
			oldest = &control->answers[i];
	}
	answer_end(oldest);
	return oldest;
}

static void answer_begin(struct control *control, struct bridge *b, int fd)
{
	struct control_answer *answer = answer_free(control);
	FILE *out = open_memstream(&answer->text, &answer->size);

	answer->fd = fd;
	answer->number = control->count++;
	if (out) {
		control->write(out, b);
		fclose(out);
	}
	if (!answer->text)
		answer->size = 0;
	answer_send(answer);
}

/* Who asks next; -1: nobody. Where no descriptor is left there is the spare one. */
static int ask_take(struct control *control)
{
	int fd = accept4(control->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd >= 0 || control->spare < 0 || (errno != EMFILE && errno != ENFILE))
		return fd;
	close(control->spare);
	control->spare = -1;
	return accept4(control->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
}

static struct control_answer *answer_find(struct control *control, int fd)
{
	for (uint32_t i = 0; i < CONTROL_ANSWERS; i++)
		if (control->answers[i].fd == fd)
			return &control->answers[i];
	return NULL;
}

void control_process(
    struct control *control, struct bridge *b, const struct pollfd *fds, nfds_t count)
{
	struct control_answer *answer;
	int fd;

	/* The listener comes first, and who asks there may have another's number: so it is last. */
	while (count-- > 0) {
		if (fds[count].revents == 0)
			continue;
		if (fds[count].fd != control->listener) {
			answer = answer_find(control, fds[count].fd);
			if (answer)
				answer_send(answer);
			continue;
		}
		while ((fd = ask_take(control)) >= 0)
			answer_begin(control, b, fd);
	}
}

void control_close(struct control *control)
{
	if (control->listener < 0)
		return;
	for (uint32_t i = 0; i < CONTROL_ANSWERS; i++)
		answer_end(&control->answers[i]);
	close(control->listener);
	if (control->spare >= 0)
		close(control->spare);
	control->listener = control->spare = -1;
}
