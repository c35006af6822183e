/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What makes a request one that may be sent to the engine, and how it is worded then. Pure: the
 * parser asks before it hands a request on, the forwarder asks again before it sends it.
 */
#include "config.h"
#include "sockproxy/request.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* What else a client sends stays here: nothing of a hop is another hop's business. */
static const char *const passed[] = {
	"Accept",
	"User-Agent",
	"Content-Type",
	"X-Registry-Auth",
	"X-Registry-Config",
	"Sec-WebSocket-Key",
	"Sec-WebSocket-Version",
	"Sec-WebSocket-Protocol",
	"Sec-WebSocket-Extensions",
	"Origin",
};

/* BuildKit's client says by these which methods its side of a session has. */
static const char session_prefix[] = "X-Docker-Expose-Session-";

static bool is_passed(struct span name)
{
	for (size_t i = 0; i < sizeof(passed) / sizeof(passed[0]); i++)
		if (span_is_nocase(name, passed[i]))
			return true;
	return name.len >= sizeof(session_prefix) - 1 &&
	       strncasecmp(name.at, session_prefix, sizeof(session_prefix) - 1) == 0;
}

static const char *upgrade_of(const struct endpoint *e)
{
	if (strcmp(e->path, "session") == 0 || strcmp(e->path, "grpc") == 0)
		return "h2c";
	return strcmp(e->method, "GET") == 0 ? "websocket" : "tcp";
}

/* Other protocols only where the engine speaks them, and there the right one. */
static bool upgrade_fits(const struct http_head *h, const struct endpoint *e)
{
	struct span wanted = http_header(h, "Upgrade");

#ifdef MUTANT_UPGRADES_PASS
	return true;
#endif
	if (!wanted.at)
		return e->body != BODY_HIJACK || strcmp(upgrade_of(e), "tcp") == 0;
	return h->upgrade && e->body == BODY_HIJACK && span_is_nocase(wanted, upgrade_of(e));
}

/*
 * The engine merges bodies of forms into the query, before what is in it: no form is let through.
 */
static bool type_fits(const struct http_head *h, const struct endpoint *e)
{
	struct span type = http_header(h, "Content-Type");
	const char *end = type.at ? memchr(type.at, ';', type.len) : NULL;

	if (!type.at || type.len == 0)
		return true;
	if (end)
		type.len = end - type.at;
	if (e->body == BODY_STREAM &&
	    (span_is_nocase(type, "application/x-tar") || span_is_nocase(type, "application/tar") ||
	     span_is_nocase(type, "application/gzip") ||
	     span_is_nocase(type, "application/octet-stream")))
		return true;
	/* docker(1) says "text/plain" where it has nothing to say. */
	return span_is_nocase(type, "application/json") || span_is_nocase(type, "text/plain");
}

static bool has_value(const struct target *t, const char *key)
{
	const char *value = target_query(t, key);

	return value && *value;
}

/* Is every value of @key one of @a and @b, or empty? */
static bool is_one_of(const struct target *t, const char *key, const char *a, const char *b)
{
	for (int i = 0; i < t->n_queries; i++) {
		const char *value = t->query[i].value;

		if (strcmp(t->query[i].key, key) == 0 && *value && strcmp(value, a) != 0 &&
		    strcmp(value, b) != 0)
			return false;
	}
	return true;
}

/*
 * What the engine would fetch by itself, from the host's network: a page, or a repository, with
 * git, as root. The clients' own words for "it comes with this request" are no addresses.
 */
static int check_sources(const struct endpoint *e, const struct target *t, const char **why)
{
	*why = "the engine is not to fetch anything from an address; send it with the request";
	if (strcmp(e->path, "build") == 0 &&
	    !is_one_of(t, "remote", "client-session", "upload-request"))
		return -EBADMSG;
	if (strcmp(e->path, "images/create") == 0 && !is_one_of(t, "fromSrc", "-", "-"))
		return -EBADMSG;
	return 0;
}

/* A build that shares a container's network: nobody would ask which container that is. */
static bool shares_network(const struct target *t)
{
	for (int i = 0; i < t->n_queries; i++)
		if (strcmp(t->query[i].key, "networkmode") == 0 &&
		    strncmp(t->query[i].value, "container:", strlen("container:")) == 0)
			return true;
	return false;
}

/*
 * The engine reads a container's own files by their names, as the host's root. While the container
 * can put links in their place they lead to anything of the host's: it is to be paused. Before
 * version 1.13 of the API who says nothing wants none.
 */
static bool commits_running(const struct target *t)
{
	const char *pause = target_query(t, "pause"), *minor = strchr(t->version, '.');

#ifdef MUTANT_COMMITS_RUNNING
	return false;
#endif
	if (pause && *pause)
		return strcmp(pause, "1") != 0 && strcmp(pause, "true") != 0;
	return minor && atoi(t->version) <= 1 && atoi(minor + 1) < 13;
}

/*
 * Checkpoints are written, listed and removed by the engine, as the host's root, below any
 * directory that is asked for. And where an image comes from says whether it is pulled or imported:
 * one of the two, since the engine has its own mind about which of them counts.
 */
static int check_query(const struct endpoint *e, const struct target *t, const char **why)
{
	bool checkpoint = strstr(e->path, "/checkpoints") != NULL;

#ifdef MUTANT_QUERIES_PASS
	return 0;
#endif
	for (int i = 0; i < t->n_queries; i++) {
		const char *key = t->query[i].key;

		if (!t->query[i].value[0] || (strcmp(key, "checkpoint-dir") != 0 &&
					      !(checkpoint && strcmp(key, "dir") == 0)))
			continue;
		*why = "checkpoints in a directory of one's own are not allowed";
		return -EBADMSG;
	}
	if (strcmp(e->path, "images/create") == 0 &&
	    has_value(t, "fromImage") == has_value(t, "fromSrc")) {
		*why = "either fromImage or fromSrc has to be given";
		return -EBADMSG;
	}
	if (strcmp(e->path, "build") == 0 && shares_network(t)) {
		*why = "a build cannot share a container's network through this socket";
		return -EBADMSG;
	}
	if (strcmp(e->path, "commit") == 0 && commits_running(t)) {
		*why = "a container is paused while it is committed through this socket";
		return -EBADMSG;
	}
	return check_sources(e, t, why);
}

/**
 * request_needs() - on what of the engine's it depends that a request starts nothing that is not
 * ours
 */
enum request_need request_needs(const struct endpoint *e, const struct target *t)
{
	const char *version = target_query(t, "version");

	if (strcmp(e->path, "containers/create") == 0)
		return NEEDS_RUNTIME;
	if (strcmp(e->path, "session") == 0 || strcmp(e->path, "grpc") == 0)
		return NEEDS_BUILDKIT;
	if (strcmp(e->path, "build") != 0)
		return NEEDS_NOTHING;
	return !version || !*version || strcmp(version, "1") == 0 ? NEEDS_BUILDS : NEEDS_BUILDKIT;
}

/**
 * request_check() - may this request be sent to the engine?
 * @ret: the endpoint, also with -EACCES unless it is NULL
 * @why: with -EBADMSG
 *
 * Return: 0; -EACCES: the list blocks it, or nobody knows it; -EBADMSG
 */
int request_check(const struct http_head *h, const struct target *t,
		  const struct sockcommands *list, const struct endpoint **ret, const char **why)
{
	const struct endpoint *e = endpoint_find(h->method, t);

	*ret = e;
	if (!e || !endpoint_allowed(list, e))
		return -EACCES;
	if (!upgrade_fits(h, e)) {
		*why = "this endpoint does not speak that protocol";
		return -EBADMSG;
	}
#ifdef MUTANT_FORMS_PASS
	return 0;
#endif
	if (!type_fits(h, e)) {
		*why = "this Content-Type is not one of the endpoint's";
		return -EBADMSG;
	}
	return check_query(e, t, why);
}

struct writer {
	char *buf;
	size_t size, len;
};

static void __attribute__((format(printf, 2, 3))) put(struct writer *w, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	w->len += vsnprintf(w->buf + w->len, w->size - w->len, fmt, ap);
	va_end(ap);
	if (w->len >= w->size)
		w->len = w->size - 1;
}

/**
 * request_write() - the head of a request as the engine gets it
 * @length: of the body as it will be sent
 *
 * Return: its length, or -EMSGSIZE
 */
int request_write(const struct http_head *h, const struct target *t, const struct endpoint *e,
		  int64_t length, char *buf, size_t size)
{
	struct writer w = { buf, size, 0 };
	char target[TARGET_MAX];

	if (target_write(t, target, sizeof(target)) < 0)
		return -EMSGSIZE;
	put(&w, "%s %s HTTP/1.1\r\nHost: docker\r\n", e->method, target);
	for (int i = 0; i < h->n_headers; i++)
		if (is_passed(h->header[i].name))
			put(&w, "%.*s: %.*s\r\n", (int)h->header[i].name.len, h->header[i].name.at,
			    (int)h->header[i].value.len, h->header[i].value.at);
	if (h->upgrade && e->body == BODY_HIJACK)
		put(&w, "Connection: Upgrade\r\nUpgrade: %s\r\n", upgrade_of(e));
	else if (h->close)
		put(&w, "Connection: close\r\n");
	if (length == HTTP_LENGTH_CHUNK)
		put(&w, "Transfer-Encoding: chunked\r\n");
	else if (length >= 0)
		put(&w, "Content-Length: %lld\r\n", (long long)length);
	put(&w, "\r\n");
	return w.len < size - 1 ? (int)w.len : -EMSGSIZE;
}
