/* SPDX-License-Identifier: MIT */
/*
 * ready.c - what the supervisor announces once the first server serves.
 */
#include "supervisor/ready.h"
#include "process/log.h"
#include "supervisor/daemon.h"

#include <unistd.h>

/* In a list of QEMU's options a comma is written twice: qemu-system(1). */
static void log_hint(const char *path, uint32_t vectors)
{
	char words[2 * LISTENER_PATH], *to = words;

	for (; *path; path++) {
		if (*path == ',')
			*to++ = ',';
		*to++ = *path;
	}
	*to = '\0';
	log_event("event=hint qemu=\"-chardev socket,path=%s,id=ivsh"
		  " -device ivshmem-doorbell,chardev=ivsh,vectors=%u\"",
	    words, vectors);
}

void ready_announce(const struct supervisor *supervisor)
{
	const struct options *options = &supervisor->options;
	const struct state_head *head = supervisor->resources.state.head;
	const char *socket = supervisor->resources.listeners.listener[0].path;

	for (uint32_t i = 0; i < options->bound_count; i++)
		log_event("event=bound slot=%u name=%s socket=%s", options->bound[i].slot,
		    options->bound[i].name, options->bound[i].socket);
	log_event("event=ready pid=%ld server=%ld socket=%s memory=%s size=%llu slots=%u vectors=%u"
		  " raw=%d split=%d classic=%d kept=%u epoch=0x%08x",
	    (long)getpid(), (long)supervisor->server.pid, socket, head->memory_path,
	    (unsigned long long)options->size, options->slots, options->vectors, options->raw,
	    options->split, options->classic, head->kept, head->page_words.epoch);
	/*
	 * No message carries the number of vectors to QEMU, which under KVM ends if it has too
	 * many.
	 */
	if (options->split)
		log_event("event=hint command=\"ivsh-server qemu-args -S %s SLOT\"", socket);
	else if (options->vectors > 0)
		log_hint(socket, options->vectors);
	daemon_ready();
}
