/* SPDX-License-Identifier: MIT */
/*
 * reload.c - another mapping for a running bridge.
 */
#include "bridge/reload.h"
#include "bridge/remote.h"
#include "process/log.h"

#include <stdlib.h>
#include <string.h>

#define NEW_MOST 512u /* pairs: each has a file, which takes half a millisecond */

static bool is_same_text(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

/* The first setting that is no mapping and differs; NULL: none. */
static const char *differs(const struct config *a, const struct config *b)
{
	bool is_url = a->url_count != b->url_count;

	for (uint32_t i = 0; !is_url && i < a->url_count; i++)
		is_url = !is_same_text(a->url[i], b->url[i]);
	if (is_url)
		return "url";
	if (!is_same_text(a->region, b->region))
		return "region";
	if (!is_same_text(a->host, b->host))
		return "host";
	if (!is_same_text(a->place, b->place) || a->is_file != b->is_file)
		return "socket, or file";
	if (!is_same_text(a->state, b->state))
		return "state";
	if (!is_same_text(a->user, b->user))
		return "user";
	if (!is_same_text(a->credentials, b->credentials))
		return "credentials";
	if (!is_same_text(a->bus_user, b->bus_user) || !is_same_text(a->password, b->password) ||
	    !is_same_text(a->token, b->token))
		return "bus-user, password or token";
	if (!is_same_text(a->tls_ca, b->tls_ca) || !is_same_text(a->tls_cert, b->tls_cert) ||
	    !is_same_text(a->tls_key, b->tls_key))
		return "tls-ca, tls-cert or tls-key";
	return NULL;
}

/* Also of another mode: what comes goes on meanwhile, and no local peer sees that one go. */
static bool is_same_remote(const struct config_remote *a, const struct config_remote *b)
{
	return a->slot == b->slot && strcmp(a->host, b->host) == 0 &&
	       strcmp(a->peer, b->peer) == 0 && is_same_text(a->socket, b->socket);
}

/* Local peers of (b) that are none of (a)'s: in the slot, or by the name. */
static uint32_t new_locals(const struct config *a, const struct config *b)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < b->local_count; i++) {
		uint32_t k = 0;

		while (k < a->local_count && (a->local[k].slot != b->local[i].slot ||
						 strcmp(a->local[k].name, b->local[i].name) != 0))
			k++;
		count += k == a->local_count;
	}
	return count;
}

/*
 * The remote peers of the last mapping that are none of (next). All of them, if they had so many
 * new pairs that the bridge would stand still: a remote peer is made in a turn of its own.
 */
static void leave(struct bridge *b, const struct config *next)
{
	bool keeps = (uint64_t)new_locals(b->config, next) * b->remote_count <= NEW_MOST;
	uint32_t kept = 0;

	for (uint32_t i = 0; i < b->remote_count; i++) {
		struct remote *r = b->remotes[i];
		uint32_t k = 0;

		while (k < next->remote_count && !is_same_remote(&next->remote[k], &r->config))
			k++;
		if (!keeps || k == next->remote_count) {
			remote_free(b, r);
			continue;
		}
		remote_config(r, &next->remote[k]);
		b->remotes[kept++] = r;
	}
	b->remote_count = kept;
}

/* Those that were kept get the pairs of another mapping. */
static void follow(struct bridge *b)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < b->remote_count; i++) {
		struct remote *r = b->remotes[i];

		if (remote_locals(b, r) == 0) {
			b->remotes[kept++] = r;
			continue;
		}
		remote_free(b, r); /* it is made again, or missing */
	}
	b->remote_count = kept;
}

static bool is_there(const struct bridge *b, const struct config_remote *remote)
{
	for (uint32_t i = 0; i < b->remote_count; i++)
		if (is_same_remote(&b->remotes[i]->config, remote))
			return true;
	return false;
}

void reload(struct bridge *b, const char *path)
{
	struct config *next = calloc(1, sizeof(*next)), *last = b->config;
	const char *wrong = NULL;

	if (!next)
		return;
	if (config_read(next, path))
		wrong = "the file is wrong";
	else if (differs(last, next))
		wrong = differs(last, next);
	if (wrong) {
		log_event("event=reload result=refused reason=\"%s: restart the bridge for that\"",
		    wrong);
		config_free(next);
		free(next);
		return;
	}
	leave(b, next);
	/* Whose texts are in use from here on. The caller of loop_run() frees the first one. */
	bus_config(b->bus, next);
	b->config = next;
	if (b->reloaded) {
		config_free(last);
		free(last);
	}
	b->reloaded = b->is_reloading = true;
	b->reload_next = b->reload_failed = 0;
	follow(b);
}

bool reload_step(struct bridge *b)
{
	const struct config *config = b->config;
	struct remote *r = NULL;

	if (!b->is_reloading)
		return false;
	while (
	    b->reload_next < config->remote_count && is_there(b, &config->remote[b->reload_next]))
		b->reload_next++;
	if (b->reload_next < config->remote_count) {
		r = remote_make(b, &config->remote[b->reload_next++]);
		if (r)
			b->remotes[b->remote_count++] = r;
		b->reload_failed += r == NULL;
		return true;
	}
	b->is_reloading = false;
	look_check(&b->look, config);
	if (b->reload_failed)
		log_event("event=reload result=incomplete locals=%u remotes=%u missing=%u "
			  "hint=\"what stands above is in the way: then SIGHUP again\"",
		    config->local_count, b->remote_count, b->reload_failed);
	else
		log_event("event=reload result=done locals=%u remotes=%u", config->local_count,
		    b->remote_count);
	return false;
}
