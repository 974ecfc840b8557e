/* SPDX-License-Identifier: MIT */
/*
 * config.h - the configuration of a bridge: a file of "KEY = VALUE" lines.
 */
#ifndef BRIDGE_CONFIG_H
#define BRIDGE_CONFIG_H

#include "bridge/subject.h"

#include <stdbool.h>
#include <stdint.h>

#define CONFIG_SLOTS 256u /* of a region at most */
#define CONFIG_URLS 8u

enum config_mode {
	CONFIG_CORE,      /* at most once past the bridge */
	CONFIG_JETSTREAM, /* kept until the other side has it */
};

/* A slot of this region whose peer others know by a name. */
struct config_local {
	uint32_t slot;
	char name[SUBJECT_NAME];
};

/* A slot of this region that a peer of another host has. */
struct config_remote {
	uint32_t slot;
	char host[SUBJECT_NAME], peer[SUBJECT_NAME];
	enum config_mode mode;
	char *socket; /* of that slot alone; NULL: the region's */
};

/* What an unset text is: NULL. */
struct config {
	char region[SUBJECT_NAME], host[SUBJECT_NAME];
	char *url[CONFIG_URLS];
	uint32_t url_count;
	char *place;  /* the server's socket, or the memory file */
	bool is_file; /* which of the two */
	char *state;  /* the folder of what outlasts the bridge */
	char *credentials, *tls_ca, *tls_cert, *tls_key;
	char *bus_user, *password, *token; /* a name, and two files */
	char *user;                        /* to run as; with it the numbers */
	uint32_t user_id, group;
	uint64_t stream_size;  /* bytes that JetStream keeps at most */
	uint64_t stream_count; /* messages, likewise */
	uint64_t buffer;       /* bytes from the bus that wait for one pair at most */
	uint32_t busy_poll_us; /* to poll behind a message, before sleeping; 0: not */
	struct config_local local[CONFIG_SLOTS];
	uint32_t local_count;
	struct config_remote remote[CONFIG_SLOTS];
	uint32_t remote_count;
};

/*
 * Read the (size) bytes at (text), behind which is a NUL, and which are changed. (file) names them
 * in what is said. 0, or -1 after one line on stderr. The caller calls config_free() in both cases.
 */
int config_parse(struct config *config, const char *file, char *text, size_t size);

/* The same of the file at (path). */
int config_read(struct config *config, const char *path);

void config_free(struct config *config);

#endif
