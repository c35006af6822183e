/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What registries have now, asked through the engine: it has their addresses, certificates and
 * credentials. GET /distribution/NAME/json takes no lock of a container.
 *
 * Answers are kept in the state root, each under the digest of what was asked, and believed as long
 * as the settings say. If the registry does not answer, nobody knows: no.
 */
#include "config.h"
#include "policy/registry.h"

#include "lib/fd.h"
#include "policy/policy-error.h"
#include "policy/store.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define CACHE	   ".digests"
#define TIMEOUT_S  5
#define MAX_ANSWER 65536

static int connect_to(const char *path)
{
	const struct timeval limit = { .tv_sec = TIMEOUT_S };
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	struct ucred peer;
	socklen_t len = sizeof(peer);
	autofd fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || strlen(path) >= sizeof(addr.sun_path))
		return -1;
	strcpy(addr.sun_path, path);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	/* Whom we believe is the host's root. */
	if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0 ||
	    getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0 || peer.uid != 0)
		return -1;
	return fd_steal(&fd);
}

/* The body of the answer to a GET, which ends with the connection; NULL: none, or not 200. */
static char *get(const char *socket_path, const char *path)
{
	g_autofree char *ask = g_strdup_printf("GET %s HTTP/1.0\r\nHost: engine\r\n\r\n", path);
	g_autofree char *answer = g_malloc(MAX_ANSWER + 1);
	autofd fd = connect_to(socket_path);
	size_t n = 0;
	const char *body;
	ssize_t got;

	if (fd < 0 || fd_write_all(fd, ask, strlen(ask)) < 0)
		return NULL;
	while (n < MAX_ANSWER && (got = read(fd, answer + n, MAX_ANSWER - n)) > 0)
		n += got;
	answer[n] = '\0';
	body = strstr(answer, "\r\n\r\n");
	if (!body || strncmp(answer, "HTTP/1.", 7) != 0 || strncmp(answer + 8, " 200 ", 5) != 0)
		return NULL;
	return g_strdup(body + 4);
}

static char *ask_engine(const char *socket_path, const char *name, const char *tag)
{
	g_autofree char *path = g_strdup_printf("/distribution/%s:%s/json", name, tag);
	g_autofree char *body = get(socket_path, path);
	json_t *json = body ? json_loads(body, 0, NULL) : NULL;
	const char *digest = store_text(json_object_get(json, "Descriptor"), "digest");
	char *copy = imageref_is_digest(digest) ? g_strdup(digest) : NULL;

	json_decref(json);
	return copy;
}

/* One file per question; its age is its own. */
static char *cache_path(const struct subject *who, const char *name, const char *tag)
{
	g_autofree char *text = g_strdup_printf("%s:%s", name, tag);
	g_autofree char *sum = g_compute_checksum_for_string(G_CHECKSUM_SHA256, text, -1);

	return who->state_dir ? g_build_filename(who->state_dir, CACHE, sum, NULL) : NULL;
}

static char *read_cache(const char *path, unsigned int max_age)
{
	struct stat st;
	char digest[128];

	if (!path || stat(path, &st) < 0 || st.st_mtime > time(NULL) ||
	    time(NULL) - st.st_mtime >= (time_t)max_age ||
	    fd_read_file_at(AT_FDCWD, path, digest, sizeof(digest)) < 0 ||
	    !imageref_is_digest(digest))
		return NULL;
	return g_strdup(digest);
}

static void write_cache(const char *path, const char *digest)
{
	g_autofree char *dir = path ? g_path_get_dirname(path) : NULL;
	g_autofree char *base = path ? g_path_get_basename(path) : NULL;
	autofd fd = -1;

	if (!path)
		return;
	mkdir(dir, 0700);
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (fd >= 0)
		fd_replace_file_at(fd, base, digest, strlen(digest), 0600);
}

/**
 * registry_digest() - the digest that the registry has for "name:tag" now, or had not long ago
 * @max_age: s
 *
 * Return: freed with g_free(); NULL and *@error if nobody knows.
 */
char *registry_digest(const struct subject *who, const struct image *image, const char *name,
		      const char *tag, unsigned int max_age, GError **error)
{
	g_autofree char *path = cache_path(who, name, tag);
	char *digest = read_cache(path, max_age);

	if (digest)
		return digest;
	if (image->socket)
		digest = ask_engine(image->socket, name, tag);
	if (digest)
		write_cache(path, digest);
	else
		policy_error_set(error, "the registry of \"%s:%s\" cannot be asked through %s",
				 name, tag, image->socket ? "the engine" : image->engine);
	return digest;
}
