/* SPDX-License-Identifier: MIT */
/*
 * config.c - the configuration of a bridge.
 */
#include "bridge/config.h"
#include "config/accounts.h"
#include "process/log.h"
#include "text/keys.h"
#include "text/sizes.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CONFIG_MOST 65536u   /* bytes of a file */
#define BUSY_POLL_MOST 1000u /* microseconds */
#define NAME_IS "not 1 to 31 of A-Z, a-z, 0-9, _ and -"

struct reader {
	struct config *config;
	char where[PATH_MAX + 64]; /* "FILE:LINE: KEY" */
};

static int name_take(const struct reader *r, char name[SUBJECT_NAME], const char *value)
{
	if (*name)
		return log_failure(r->where, "it is set twice");
	if (!subject_is_name(value))
		return log_failure(r->where, "%.64s: " NAME_IS, value);
	strcpy(name, value);
	return 0;
}

static int text_take(const struct reader *r, char **text, const char *value)
{
	if (*text)
		return log_failure(r->where, "it is set twice");
	if (!*value)
		return log_failure(r->where, "it has no value");
	*text = strdup(value);
	return *text ? 0 : log_failure(r->where, "out of memory");
}

static int place_take(const struct reader *r, const char *value, bool is_file)
{
	if (r->config->place)
		return log_failure(r->where, "there is a socket or a file already: name one place");
	r->config->is_file = is_file;
	return text_take(r, &r->config->place, value);
}

/* Whether (text) is HOST, or HOST:PORT: libnats takes much else, and then finds nobody there. */
static bool is_server(const char *text)
{
	size_t length = *text == '[' ? strcspn(text, "]") + 1 : strcspn(text, ":");
	size_t least = *text == '[' ? 4 : 1;
	uint32_t port;

	if (length < least || strlen(text) < length || strcspn(text, "/, \t?#") < length)
		return false;
	text += length;
	return *text == '\0' ||
	       (*text == ':' && sizes_count(text + 1, 1, UINT16_MAX, &port) == NULL);
}

static int url_take(const struct reader *r, const char *value)
{
	struct config *c = r->config;

	if (strncmp(value, "nats://", 7) != 0 && strncmp(value, "tls://", 6) != 0)
		return log_failure(r->where, "not nats://HOST:PORT, nor tls://HOST:PORT");
	/* What a command line or a log shows has no secrets in it. */
	if (strchr(value, '@'))
		return log_failure(r->where,
		    "it has a user in it: name a file, by credentials, password or token");
	if (!is_server(strstr(value, "//") + 2))
		return log_failure(r->where,
		    "%.64s: not one server, as nats://HOST:PORT: others have lines of their own",
		    value);
	if (c->url_count == CONFIG_URLS)
		return log_failure(r->where, "there are %u already", CONFIG_URLS);
	return text_take(r, &c->url[c->url_count++], value);
}

/* The path of a file with a secret. What has no / may be the secret itself: it is not shown. */
static int secret_take(const struct reader *r, char **path, const char *value)
{
	if (*value && !strchr(value, '/'))
		return log_failure(r->where, "no path: it names a file, such as /etc/ivsh/secret");
	return text_take(r, path, value);
}

static int bus_user_take(const struct reader *r, const char *value)
{
	if (strpbrk(value, "\"\\"))
		return log_failure(
		    r->where, "a quote or a backslash is in it, which libnats does not send right");
	return text_take(r, &r->config->bus_user, value);
}

static int user_take(const struct reader *r, const char *value)
{
	struct config *c = r->config;
	const char *wrong = accounts_both(value, &c->user_id, &c->group);

	if (wrong)
		return log_failure(r->where, "%.64s: %s", value, wrong);
	return text_take(r, &c->user, value);
}

static int size_take(const struct reader *r, uint64_t *size, const char *value, uint64_t least)
{
	const char *wrong = sizes_parse(value, size);

	if (wrong)
		return log_failure(r->where, "%.64s: %s", value, wrong);
	if (*size < least)
		return log_failure(
		    r->where, "%.64s: less than %llu", value, (unsigned long long)least);
	return 0;
}

static int busy_poll_take(const struct reader *r, const char *value)
{
	const char *wrong = sizes_count(value, 0, BUSY_POLL_MOST, &r->config->busy_poll_us);

	return wrong ? log_failure(r->where, "%.32s: no microseconds: %s", value, wrong) : 0;
}

/* The slot's number behind the word of the key. Answers -1 after a line, or the slot. */
static int slot_read(const struct reader *r, const char *text)
{
	const struct config *c = r->config;
	uint32_t slot;
	const char *wrong = sizes_count(text, 0, CONFIG_SLOTS - 1, &slot);

	if (wrong)
		return log_failure(r->where, "%.32s: no slot: %s", text, wrong);
	for (uint32_t i = 0; i < c->local_count; i++)
		if (c->local[i].slot == slot)
			return log_failure(r->where, "the slot is local, %s", c->local[i].name);
	for (uint32_t i = 0; i < c->remote_count; i++)
		if (c->remote[i].slot == slot)
			return log_failure(r->where, "the slot is %s/%s already", c->remote[i].host,
			    c->remote[i].peer);
	return (int)slot;
}

static int local_take(struct reader *r, const char *slot, const char *value)
{
	struct config *c = r->config;
	struct config_local *l = &c->local[c->local_count];
	int number = slot_read(r, slot);

	if (number < 0 || name_take(r, l->name, value))
		return -1;
	for (uint32_t i = 0; i < c->local_count; i++)
		if (strcmp(c->local[i].name, value) == 0)
			return log_failure(
			    r->where, "%s is the name of slot %u, too", value, c->local[i].slot);
	l->slot = (uint32_t)number;
	c->local_count++;
	return 0;
}

/* The path behind socket=, to the end of the line: nothing in it is special. */
static int remote_socket(const struct reader *r, struct config_remote *m, const char *path)
{
	const char *last = strrchr(path, ' ');

	if (last && (strcmp(last, " core") == 0 || strcmp(last, " jetstream") == 0))
		return log_failure(r->where, "socket=PATH is the last, behind%s", last);
	return text_take(r, &m->socket, path);
}

/* What is behind HOST/PEER. */
static int remote_words(const struct reader *r, struct config_remote *m, char *rest)
{
	for (char *word; *rest; rest += strspn(rest, " \t")) {
		if (strncmp(rest, "socket=", 7) == 0)
			return remote_socket(r, m, rest + 7);
		word = strsep(&rest, " \t");
		if (strcmp(word, "core") == 0)
			m->mode = CONFIG_CORE;
		else if (strcmp(word, "jetstream") == 0)
			m->mode = CONFIG_JETSTREAM;
		else
			return log_failure(
			    r->where, "%.64s: not core, jetstream or socket=PATH", word);
		if (!rest)
			break;
	}
	return 0;
}

static int remote_take(struct reader *r, const char *slot, char *value)
{
	struct config *c = r->config;
	struct config_remote *m = &c->remote[c->remote_count];
	char *rest = value, *host = strsep(&rest, " \t"), *peer = strchr(host, '/');
	int number = slot_read(r, slot);

	if (number < 0)
		return -1;
	if (!peer)
		return log_failure(r->where, "not HOST/PEER, then core or jetstream");
	*peer++ = '\0';
	if (name_take(r, m->host, host) || name_take(r, m->peer, peer))
		return -1;
	m->slot = (uint32_t)number;
	c->remote_count++; /* from here on config_free() frees what it has */
	for (uint32_t i = 0; i + 1 < c->remote_count; i++)
		if (strcmp(c->remote[i].host, m->host) == 0 &&
		    strcmp(c->remote[i].peer, m->peer) == 0)
			return log_failure(r->where, "%s/%s has slot %u, too", m->host, m->peer,
			    c->remote[i].slot);
	return rest ? remote_words(r, m, rest + strspn(rest, " \t")) : 0;
}

/* Where the value of a setting that is any text goes; NULL: it is none. */
static char **text_of(struct config *c, const char *key)
{
	const struct {
		const char *key;
		char **text;
	} texts[] = {
	    {"state", &c->state},
	    {"credentials", &c->credentials},
	    {"tls-ca", &c->tls_ca},
	    {"tls-cert", &c->tls_cert},
	    {"tls-key", &c->tls_key},
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		if (strcmp(key, texts[i].key) == 0)
			return texts[i].text;
	return NULL;
}

/* The number behind (word) and a space in (key); NULL: the key is another one. */
static const char *slot_of(const char *key, const char *word)
{
	size_t length = strlen(word), space;

	if (strncmp(key, word, length) != 0)
		return NULL;
	space = strspn(key + length, " \t");
	return space ? key + length + space : NULL;
}

static int setting_take(struct reader *r, const char *key, char *value)
{
	struct config *c = r->config;
	const char *local = slot_of(key, "local"), *remote = slot_of(key, "slot");
	char **text = text_of(c, key);

	if (text)
		return text_take(r, text, value);
	if (local)
		return local_take(r, local, value);
	if (remote)
		return remote_take(r, remote, value);
	if (strcmp(key, "region") == 0)
		return name_take(r, c->region, value);
	if (strcmp(key, "host") == 0)
		return name_take(r, c->host, value);
	if (strcmp(key, "url") == 0)
		return url_take(r, value);
	if (strcmp(key, "socket") == 0)
		return place_take(r, value, false);
	if (strcmp(key, "file") == 0)
		return place_take(r, value, true);
	if (strcmp(key, "bus-user") == 0)
		return bus_user_take(r, value);
	if (strcmp(key, "password") == 0)
		return secret_take(r, &c->password, value);
	if (strcmp(key, "token") == 0)
		return secret_take(r, &c->token, value);
	if (strcmp(key, "user") == 0)
		return user_take(r, value);
	if (strcmp(key, "stream-size") == 0)
		return size_take(r, &c->stream_size, value, 65536);
	if (strcmp(key, "stream-messages") == 0)
		return size_take(r, &c->stream_count, value, 1);
	if (strcmp(key, "buffer") == 0)
		return size_take(r, &c->buffer, value, 65536);
	if (strcmp(key, "busy-poll") == 0)
		return busy_poll_take(r, value);
	return log_failure(r->where, "no such setting");
}

/* What stands in no single line. */
static int whole_check(const struct config *c, const char *file)
{
	if (!*c->region)
		return log_failure(file, "the region has no name: region = NAME");
	if (!*c->host)
		return log_failure(file, "this host has no name: host = NAME");
	if (c->url_count == 0)
		return log_failure(file, "there is no bus: url = nats://HOST:PORT");
	if (!c->place)
		return log_failure(file, "there is no region: socket = PATH, or file = PATH");
	if (!c->state)
		return log_failure(file, "there is no folder for the state: state = DIR");
	if (!c->bus_user != !c->password)
		return log_failure(file, "bus-user and password go together");
	if (!!c->credentials + !!c->password + !!c->token > 1)
		return log_failure(file, "of credentials, password and token there can be one");
	if (!c->tls_cert != !c->tls_key)
		return log_failure(file, "tls-cert and tls-key go together");
	if (c->local_count == 0)
		return log_failure(file, "no peer of this host has a name: local SLOT = NAME");
	if (c->remote_count == 0)
		return log_failure(file, "no peer of another host has a slot: slot N = HOST/PEER");
	for (uint32_t i = 0; i < c->remote_count; i++) {
		const struct config_remote *m = &c->remote[i];

		if (strcmp(m->host, c->host) == 0)
			return log_failure(
			    file, "slot %u = %s/%s: that is this host", m->slot, m->host, m->peer);
		if (c->is_file && m->socket)
			return log_failure(file, "slot %u: a file has no sockets", m->slot);
	}
	return 0;
}

/*
 * Where the line is. What stands in it before a = is shown only if it can be a key: a secret may
 * stand there, in a line that is none.
 */
static void where_set(struct reader *r, const char *file, const struct keys *keys)
{
	size_t length = strcspn(keys->key, " \t");
	char key[41];

	if (slot_of(keys->key, "local") || slot_of(keys->key, "slot"))
		length = strlen(keys->key);
	snprintf(key, sizeof(key), "%.*s", (int)(length < 40 ? length : 40), keys->key);
	if (keys_is_word(key) || strpbrk(key, " \t"))
		snprintf(r->where, sizeof(r->where), "%s:%u: %s", file, keys->line, key);
	else
		snprintf(r->where, sizeof(r->where), "%s:%u", file, keys->line);
}

int config_parse(struct config *config, const char *file, char *text, size_t size)
{
	struct reader r = {.config = config};
	struct keys keys;
	int more, error;

	memset(config, 0, sizeof(*config));
	config->stream_size = UINT64_C(64) << 20;
	config->stream_count = 1000000;
	config->buffer = UINT64_C(1) << 20;
	config->busy_poll_us = 200;
	error = keys_open(&keys, text, size);
	for (more = error; error == 0 && (more = keys_next(&keys)) == 1;) {
		const char *key = keys.key;

		where_set(&r, file, &keys);
		if (!keys.value)
			error = log_failure(r.where, "not KEY = VALUE");
		else
			error = setting_take(&r, key, keys.value);
	}
	if (more < 0) {
		snprintf(r.where, sizeof(r.where), "%s:%u", file, keys.line);
		return log_failure(r.where, "%s", keys.wrong);
	}
	return error ? error : whole_check(config, file);
}

int config_read(struct config *config, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), error;
	const char *wrong;
	size_t size;
	char *text;

	memset(config, 0, sizeof(*config));
	if (fd < 0)
		return log_failure(path, "%s", strerror(errno));
	text = keys_read(fd, CONFIG_MOST, &size, &wrong);
	close(fd);
	if (!text)
		return log_failure(path, "%s", wrong);
	if (size > CONFIG_MOST)
		error = log_failure(path, "more than %u bytes", CONFIG_MOST);
	else
		error = config_parse(config, path, text, size);
	free(text);
	return error;
}

void config_free(struct config *config)
{
	for (uint32_t i = 0; i < config->url_count; i++)
		free(config->url[i]);
	for (uint32_t i = 0; i < config->remote_count; i++)
		free(config->remote[i].socket);
	free(config->place);
	free(config->state);
	free(config->credentials);
	free(config->tls_ca);
	free(config->tls_cert);
	free(config->tls_key);
	free(config->bus_user);
	free(config->password);
	free(config->token);
	free(config->user);
	memset(config, 0, sizeof(*config));
}
