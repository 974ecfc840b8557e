/* SPDX-License-Identifier: MIT */
/*
 * main.c - ivsh-server: parse, acquire, isolate, ready, serve.
 */
#include "daemon.h"
#include "isolate.h"
#include "log.h"
#include "options.h"
#include "server.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* From here on a signal waits until the loop looks at it, so that nothing is left half done. */
static void main_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
}

/* Where others can open the memory, say for ivshmem-plain: what has no name is found by us. */
static void main_memory_path(const struct server *server, char path[PATH_MAX])
{
	const struct backend *backend = &server->memory.backend;

	if (backend->kind == BACKEND_SHM || backend->kind == BACKEND_FILE)
		snprintf(path, PATH_MAX, "%s", backend->path);
	else
		snprintf(path, PATH_MAX, "/proc/%ld/fd/%d", (long)getpid(), backend->fd);
}

static void main_ready(const struct server *server)
{
	const struct options *options = &server->options;
	char path[PATH_MAX];

	main_memory_path(server, path);
	for (uint32_t i = 0; i < options->bound_count; i++)
		log_event("event=bound slot=%u name=%s socket=%s", options->bound[i].slot,
		    options->bound[i].name, options->bound[i].socket);
	log_event("event=ready pid=%ld socket=%s memory=%s size=%llu slots=%u vectors=%u"
		  " raw=%d kept=%d epoch=0x%08x",
	    (long)getpid(), options->socket, path, (unsigned long long)options->size,
	    options->slots, options->vectors, options->raw, server->memory.kept,
	    server->page.epoch);
	/* QEMU cannot be told the number of vectors, and under KVM dies of having too many. */
	if (options->vectors > 0)
		log_event("event=hint qemu=\"-chardev socket,path=%s,id=ivsh"
			  " -device ivshmem-doorbell,chardev=ivsh,vectors=%u\"",
		    options->socket, options->vectors);
}

int main(int argc, char **argv)
{
	static struct server server;
	const char *pid_file;
	int status = options_parse(&server.options, argc, argv);

	if (status != OPTIONS_GO)
		return status;
	pid_file = server.options.pid_file;
	log_open(server.options.verbose);
	main_signals();
	if (server.options.daemon && daemon_fork())
		return 1;
	if (server_open(&server))
		return 1;
	status = 1;
	if (!pid_file || daemon_pid_write(pid_file) == 0) {
		if (isolate() == 0) {
			main_ready(&server);
			daemon_ready();
			server_run(&server);
			status = 0;
		}
		if (pid_file)
			unlink(pid_file);
	}
	server_close(&server);
	free(server.options.bound);
	return status;
}
