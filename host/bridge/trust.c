/* SPDX-License-Identifier: MIT */
/*
 * trust.c - certificates and credentials.
 */
#include "bridge/trust.h"
#include "process/log.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SECRET_SIZE 1024u
#define CREDENTIALS_SIZE 65536u /* bytes of credentials for NATS, of which nsc(1) writes 2 KiB */

/* What is wrong with a file that has a secret; NULL: nothing. The rule is that of PostgreSQL. */
static const char *stat_wrong(const struct stat *st)
{
	if (!S_ISREG(st->st_mode))
		return "not a regular file";
	if (st->st_uid != 0 && st->st_uid != geteuid())
		return "it belongs to another user, and not to the bridge's or root";
	/* Root gives a service its secret by the service's group. */
	if ((st->st_mode & S_IRWXO) != 0 ||
	    (st->st_mode & (st->st_uid == 0 ? S_IWGRP : S_IRWXG)) != 0)
		return "other users can read it, or change it: chmod 0600, or 0640 if it is root's";
	return NULL;
}

/* Likewise with what all may read: certificates. */
static const char *open_wrong(const struct stat *st)
{
	return S_ISREG(st->st_mode) ? NULL : "not a regular file";
}

/* Open a file of which (wrong) says nothing: its descriptor, or -1 after a line. */
static int file_open(const char *path, const char *(*wrong)(const struct stat *st))
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	const char *said;
	struct stat st;

	if (fd < 0 && errno == EACCES)
		return log_failure(path, "%s: the bridge's user, %u, has to be able to read it",
		    strerror(errno), (unsigned)geteuid());
	if (fd < 0)
		return log_failure(path, "%s", strerror(errno));
	said = fstat(fd, &st) ? strerror(errno) : wrong(&st);
	if (!said && st.st_size == 0)
		said = "it is empty";
	if (!said)
		return fd;
	close(fd);
	return log_failure(path, "%s", said);
}

/* Likewise of one that libnats reads, by its name: 0, or -1 after a line. */
static int file_check(const char *path, const char *(*wrong)(const struct stat *st))
{
	int fd = file_open(path, wrong);

	if (fd < 0)
		return -1;
	close(fd);
	return 0;
}

/* What is wrong with the (size) bytes of a secret, of which the line's end is cut off. */
static const char *line_wrong(char *secret, size_t size)
{
	if (size > 0 && secret[size - 1] == '\n')
		size--;
	if (size > 0 && secret[size - 1] == '\r')
		size--;
	secret[size] = '\0';
	if (size == 0)
		return "it is empty";
	if (size > SECRET_SIZE)
		return "it is longer than 1024 bytes";
	for (size_t i = 0; i < size; i++) {
		if ((unsigned char)secret[i] < 0x20 || secret[i] == 0x7f)
			return "it has more than one line, or is no text";
		/* libnats 3.4 puts it between quotes as it is. */
		if (secret[i] == '"' || secret[i] == '\\')
			return "a quote or a backslash is in it, which libnats does not send right";
	}
	return NULL;
}

/* The one line of the file at (path). 0, or -1 after a line. */
static int secret_read(char secret[SECRET_SIZE + 3], const char *path)
{
	int fd = file_open(path, stat_wrong);
	size_t size = 0;
	ssize_t got = 1;
	const char *wrong;

	if (fd < 0)
		return -1;
	while (got > 0 && size < SECRET_SIZE + 2) {
		got = read(fd, secret + size, SECRET_SIZE + 2 - size);
		size += got > 0 ? (size_t)got : 0;
	}
	wrong = got < 0 ? strerror(errno) : line_wrong(secret, size);
	close(fd);
	return wrong ? log_failure(path, "%s", wrong) : 0;
}

/* The line for what libnats says of (object). */
static int nats_failed(const char *object, natsStatus status)
{
	const char *reason = nats_GetLastError(NULL);

	return log_failure(object, "%s", reason ? reason : natsStatus_GetText(status));
}

/* libnats itself takes a tls:// for no more than a nats://: TLS is then the server's choice. */
static bool is_secure(const struct config *c)
{
	bool is = c->tls_ca || c->tls_cert;

	for (uint32_t i = 0; i < c->url_count; i++)
		is |= strncmp(c->url[i], "tls://", 6) == 0;
	return is;
}

static int certificates_set(natsOptions *options, const struct config *c)
{
	natsStatus status;

	if (!is_secure(c))
		return 0;
	status = natsOptions_SetSecure(options, true);
	if (status != NATS_OK)
		return nats_failed("tls", status);
	/* Of a file that is not there libnats says "(null)". */
	if (c->tls_ca && file_check(c->tls_ca, open_wrong))
		return -1;
	if (c->tls_ca)
		status = natsOptions_LoadCATrustedCertificates(options, c->tls_ca);
	if (status != NATS_OK)
		return nats_failed(c->tls_ca, status);
	if (!c->tls_cert)
		return 0;
	if (file_check(c->tls_key, stat_wrong) || file_check(c->tls_cert, open_wrong))
		return -1;
	status = natsOptions_LoadCertificatesChain(options, c->tls_cert, c->tls_key);
	return status == NATS_OK ? 0 : nats_failed(c->tls_cert, status);
}

static int secret_set(natsOptions *options, const struct config *c)
{
	const char *path = c->password ? c->password : c->token;
	char secret[SECRET_SIZE + 3];
	natsStatus status = NATS_ERR;
	int error = secret_read(secret, path);

	if (error == 0)
		status = c->password ? natsOptions_SetUserInfo(options, c->bus_user, secret)
				     : natsOptions_SetToken(options, secret);
	explicit_bzero(secret, sizeof(secret));
	if (error == 0 && status != NATS_OK)
		return nats_failed(path, status);
	return error;
}

/* What is wrong with (text), which libnats reads later: it has a token and a key, between lines. */
static const char *credentials_wrong(const char *text)
{
	uint32_t marks = 0;

	for (const char *at = text; at; at = strchr(at, '\n')) {
		at += strspn(at, " \t\r\n");
		marks += strncmp(at, "---", 3) == 0;
	}
	return marks < 3 ? "no credentials for NATS are in it, as nsc(1) writes them" : NULL;
}

/* 0, or -1 after a line. */
static int credentials_check(const char *path)
{
	static char text[CREDENTIALS_SIZE + 1];
	int fd = file_open(path, stat_wrong);
	size_t size = 0;
	ssize_t got = 1;
	const char *wrong;

	if (fd < 0)
		return -1;
	while (got > 0 && size < CREDENTIALS_SIZE) {
		got = read(fd, text + size, CREDENTIALS_SIZE - size);
		size += got > 0 ? (size_t)got : 0;
	}
	text[size] = '\0';
	wrong = got < 0 ? strerror(errno) : credentials_wrong(text);
	explicit_bzero(text, sizeof(text));
	close(fd);
	return wrong ? log_failure(path, "%s", wrong) : 0;
}

static void files_look(struct trust *trust, const struct config *c)
{
	const char *const paths[TRUST_FILES] = {
	    c->tls_ca, c->tls_cert, c->tls_key, c->password, c->token};
	struct stat st;

	memset(trust, 0, sizeof(*trust));
	for (uint32_t i = 0; i < TRUST_FILES; i++)
		if (paths[i] && stat(paths[i], &st) == 0) {
			trust->files[i].device = st.st_dev;
			trust->files[i].number = st.st_ino;
			trust->files[i].size = st.st_size;
			trust->files[i].changed = st.st_mtim;
		}
}

int trust_set(struct trust *trust, natsOptions *options, const struct config *config)
{
	natsStatus status;

	/* Before they are read: what is written meanwhile is another one. */
	files_look(trust, config);
	if (certificates_set(options, config))
		return -1;
	if (config->password || config->token)
		return secret_set(options, config);
	if (!config->credentials)
		return 0;
	/* libnats reads it when a server asks, and then does not say what is wrong with it. */
	if (credentials_check(config->credentials))
		return -1;
	status = natsOptions_SetUserCredentialsFromFiles(options, config->credentials, NULL);
	return status == NATS_OK ? 0 : nats_failed(config->credentials, status);
}

int trust_check(const struct config *config)
{
	natsOptions *options = NULL;
	natsStatus status = natsOptions_Create(&options);
	struct trust trust;
	int error;

	if (status != NATS_OK)
		return nats_failed("nats", status);
	error = trust_set(&trust, options, config);
	natsOptions_Destroy(options);
	return error;
}

bool trust_is_old(const struct trust *trust, const struct config *config)
{
	struct trust now;

	files_look(&now, config);
	return memcmp(&now, trust, sizeof(now)) != 0;
}
