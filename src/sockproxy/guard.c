/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Containers that are there already.
 *
 * What is made through the proxy is Cloister's, but the engine may run others: made elsewhere with
 * another runtime, or before Cloister was set up. Who enters one of those, or has it started, has
 * left what contains him. So a request that gets at the inside of a container waits here until the
 * engine has said which container that is, and by which of its runtimes it is run. What is sent
 * then names the container by its whole id, which nothing else can be called while it is there.
 *
 * `docker cp` is the engine's own: it mounts what the container has mounted, by name, as the host's
 * root, also if the container was never started and nobody has judged its mounts. So it is for
 * containers without the host's directories, and whose volumes are no mounts of something else.
 *
 * Into a volume with a name the engine copies what the image has in its place, when a container is
 * made: likewise only if the volume is no mount of something else.
 *
 * Who shares a container's network (--network container:NAME) reaches what listens there for nobody
 * else; so that has to be one of Cloister's, too.
 *
 * Nothing here blocks: the engine does not answer about a container as long as it starts it.
 */
#include "config.h"
#include "sockproxy/back.h"

#include "sockproxy/body.h"
#include "sockproxy/request.h"

#include <errno.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define ANSWER_MAX (4 * 1024 * 1024)
#define FRESH_S	   1 /* how long what the engine said of its runtimes is believed */

struct guard {
	enum { ASK_EXEC, ASK_CONTAINER, ASK_VOLUME, ASK_RUNTIMES } about;
	char *text; /* of the answer, so far */
	size_t len, size;
	char *name; /* of the container, as the client calls it */
	json_t *container;
	json_t *doc;  /* REACH_FILLED: what is to be made */
	json_t *peer; /* and whose network it is to share, until that has been judged */
	size_t mount; /* the next that has not been looked at */
};

static json_t *info; /* what the engine said of itself last */
static time_t info_time;

static time_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec;
}

/**
 * guard_free() - end the questions about a request, answered or not
 */
void guard_free(struct link *l)
{
	struct guard *g = l->guard;

	link_close(l, &l->question, &l->question_events);
	if (!g)
		return;
	json_decref(g->container);
	json_decref(g->doc);
	json_decref(g->peer);
	free(g->name);
	free(g->text);
	free(g);
	l->guard = NULL;
}

/* Not the last word: the caller says it to the client. */
static int __attribute__((format(printf, 3, 4)))
say(struct guard_verdict *v, int status, const char *fmt, ...)
{
	va_list ap;

	v->status = status;
	va_start(ap, fmt);
	vsnprintf(v->text, sizeof(v->text), fmt, ap);
	va_end(ap);
	for (char *p = v->text; *p; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			*p = ' ';
	return -EACCES;
}

static const char *text_of(json_t *object, const char *key)
{
	const char *s = json_string_value(json_object_get(object, key));

	return s ? s : "";
}

/* In HTTP/1.0: the answer has no chunks and ends with the connection. */
static int __attribute__((format(printf, 3, 4)))
ask(struct link *l, struct guard_verdict *v, const char *fmt, ...)
{
	char request[2 * TARGET_MAX];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(request, sizeof(request), fmt, ap);
	va_end(ap);
	l->guard->len = 0;
	l->question = engine_connect(back_proxy->engine_socket, false);
	if (n >= (int)sizeof(request) || l->question < 0 ||
	    send(l->question, request, n, MSG_NOSIGNAL | MSG_DONTWAIT) != n)
		return say(v, 502, "the engine does not answer on its socket");
	link_watch(l, l->question, PART_QUESTION, &l->question_events, EPOLLIN);
	return -EAGAIN;
}

#define ABOUT(path) "GET /" path " HTTP/1.0\r\nHost: docker\r\n\r\n"

/* Is the runtime called @name Cloister? "" is the engine's default. */
static bool is_contained(const char *name)
{
#ifdef MUTANT_RUNTIMES_MIXED
	return true;
#endif
	if (!*name)
		name = text_of(info, "DefaultRuntime");
	return runtime_is_ours(json_object_get(json_object_get(info, "Runtimes"), name));
}

static int judge_runtime(const struct guard *g, json_t *container, struct guard_verdict *v)
{
	const char *runtime = text_of(json_object_get(container, "HostConfig"), "Runtime");

	if (is_contained(runtime))
		return 0;
	return say(v, 403,
		   "enhanced container isolation: the container \"%s\" is not one that Cloister "
		   "contains (its runtime is \"%s\"), so it is out of reach through this socket",
		   g->name, runtime);
}

static int refuse_mount(const struct guard *g, const char *what, struct guard_verdict *v)
{
	return say(v, 403,
		   "enhanced container isolation: the container \"%s\" has the host's \"%s\" "
		   "mounted, which the engine would read and write with the host's rights; use "
		   "docker exec, and tar, in the place of docker cp",
		   g->name, what);
}

static int refuse_volume(const char *name, struct guard_verdict *v)
{
	return say(v, 403,
		   "enhanced container isolation: the volume \"%s\" is a mount of something else, "
		   "into which the engine would copy the image's files with the host's rights; "
		   "mount it with nocopy (-v %s:PATH:nocopy)",
		   name, name);
}

/* Return: 0: none of its mounts is the host's; -EAGAIN: the engine is asked about one */
static int look_at_mounts(struct link *l, struct guard_verdict *v)
{
	json_t *mounts = json_object_get(l->guard->container, "Mounts");

#ifdef MUTANT_MOUNTS_COPIED
	return 0;
#endif
	while (l->guard->mount < json_array_size(mounts)) {
		json_t *m = json_array_get(mounts, l->guard->mount);
		const char *type = text_of(m, "Type"), *name = text_of(m, "Name");

		if (strcmp(type, "volume") == 0 && *name && !strpbrk(name, "/%?# \r\n")) {
			l->guard->about = ASK_VOLUME;
			return ask(l, v, ABOUT("volumes/%s"), name);
		}
		if (l->endpoint->reach == REACH_FILLED)
			return say(v, 400, "no volume has such a name");
		if (strcmp(type, "tmpfs") != 0)
			return refuse_mount(l->guard, text_of(m, "Source"), v);
		l->guard->mount++;
	}
	return 0;
}

/* May its network be shared? */
static int judge_peer(struct link *l, struct guard_verdict *v)
{
	json_t *peer = l->guard->peer;
	const char *id = text_of(peer, "Id");
	int r = judge_runtime(l->guard, peer, v);

	if (r == 0 && (!is_whole_id(id) || share_by_id(l, l->guard->doc, id) < 0))
		r = say(v, 502, "the engine does not say which container \"%s\" is",
			l->guard->name);
	l->guard->peer = NULL;
	json_decref(peer);
	return r < 0 ? r : look_at_mounts(l, v);
}

/* What else has to be known? Return: 0: nothing, and the request may be sent */
static int go_on(struct link *l, struct guard_verdict *v)
{
	const char *id = text_of(l->guard->container, "Id");
	int r;

	if (l->endpoint->reach == REACH_FILLED && !l->guard->peer)
		return look_at_mounts(l, v);
	if (!info || now() - info_time > FRESH_S) {
		l->guard->about = ASK_RUNTIMES;
		return ask(l, v, ABOUT("info"));
	}
	if (l->guard->peer)
		return judge_peer(l, v);
	r = judge_runtime(l->guard, l->guard->container, v);
	if (r == 0 && l->endpoint->reach == REACH_FILES) {
		l->archive.plain = archive_needs_plain(info);
		r = look_at_mounts(l, v);
	}
	if (r < 0)
		return r;
#ifdef MUTANT_NAMES_KEPT
	return 0;
#endif
	if (l->endpoint->reach == REACH_EXEC || (is_whole_id(id) && name_by_id(l, id) == 0))
		return 0;
	return say(v, 502, "the engine does not say which container \"%s\" is", l->guard->name);
}

static int take_answer(struct link *l, json_t *answer, struct guard_verdict *v)
{
	struct guard *g = l->guard;
	const char *id = text_of(answer, "ContainerID");
	char why[256];

	switch (g->about) {
	case ASK_EXEC:
		g->about = ASK_CONTAINER;
		if (is_whole_id(id))
			return ask(l, v, ABOUT("containers/%s/json"), id);
		return say(v, 502, "the engine does not say whose exec \"%s\" is", g->name);
	case ASK_CONTAINER:
		*(g->doc ? &g->peer : &g->container) = json_incref(answer);
		break;
	case ASK_VOLUME:
		if (body_check_volume(answer, "Driver", "Options", why, sizeof(why)) < 0)
			return l->endpoint->reach == REACH_FILLED
				       ? refuse_volume(text_of(answer, "Name"), v)
				       : refuse_mount(g, text_of(answer, "Name"), v);
		g->mount++;
		break;
	case ASK_RUNTIMES:
		json_decref(info);
		info = json_incref(answer);
		info_time = now();
		break;
	}
	return go_on(l, v);
}

/* What the engine says against it, it says to the client. */
static int read_answer(struct link *l, struct guard_verdict *v)
{
	const char *text = l->guard->text ?: "";
	const char *body = memmem(text, l->guard->len, "\r\n\r\n", 4);
	int status = l->guard->len > 12 ? atoi(text + 9) : 0, r;
	json_t *answer;

	link_close(l, &l->question, &l->question_events);
	answer = body ? json_loadb(body + 4, text + l->guard->len - body - 4, 0, NULL) : NULL;
	if (status == 200 && json_is_object(answer)) {
		r = take_answer(l, answer, v);
	} else if (status == 404 && l->guard->about == ASK_VOLUME &&
		   l->endpoint->reach == REACH_FILLED) {
		/* The engine makes one, without options. */
		l->guard->mount++;
		r = go_on(l, v);
	} else {
		/* To docker(1) a 404 would say that the image is missing. */
		if (status == 404 && l->guard->doc)
			status = 409;
		r = say(v, status >= 400 && answer ? status : 502, "%s",
			answer ? text_of(answer, "message") : "the engine's answer has no sense");
	}
	json_decref(answer);
	return r;
}

/**
 * guard_read() - the engine's answer, or a part of it
 * @v: with -EACCES: what the client is told
 *
 * Return: 0: the request, as it is in l->up now, may be sent; -EAGAIN; -EACCES
 */
int guard_read(struct link *l, struct guard_verdict *v)
{
	struct guard *g = l->guard;
	ssize_t n;

	if (g->size - g->len < PROXY_BUFFER / 4) {
		size_t size = g->size ? 2 * g->size : PROXY_BUFFER;
		char *more = size <= ANSWER_MAX ? realloc(g->text, size) : NULL;

		if (!more)
			return say(v, 502, "the engine's answer is too long");
		g->text = more;
		g->size = size;
	}
	n = recv(l->question, g->text + g->len, g->size - g->len, MSG_DONTWAIT);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR
			       ? -EAGAIN
			       : say(v, 502, "the engine has ended its answer");
	g->len += n;
	return n > 0 ? -EAGAIN : read_answer(l, v);
}

/* Ask about the container that the client calls @name. */
static int ask_container(struct link *l, const char *name, struct guard_verdict *v)
{
	if (!*name || strpbrk(name, "/%?# \r\n"))
		return say(v, 400, "the request names no container");
	l->guard->name = strdup(name);
	l->guard->about = ASK_CONTAINER;
	return ask(l, v, ABOUT("containers/%s/json"), name);
}

static int begin_filled(struct link *l, struct guard_verdict *v)
{
	json_t *doc = json_loadb(l->up.buf + l->head_len, l->up.len - l->head_len, 0, NULL);
	json_t *list = doc ? volumes_filled(doc) : NULL;
	const char *network = text_of(json_object_get(doc, "HostConfig"), "NetworkMode");

	if (!l->guard || !list) {
		json_decref(list);
		json_decref(doc);
		return say(v, 400, "there is no document that says what to make");
	}
	l->guard->container = json_pack("{s:o}", "Mounts", list);
	l->guard->doc = doc;
#ifdef MUTANT_NETWORKS_SHARED
	network = "";
#endif
	if (strncmp(network, shares_network, strlen(shares_network)) == 0)
		return ask_container(l, network + strlen(shares_network), v);
	return go_on(l, v);
}

/**
 * guard_begin() - ask the engine about the container that the request in l->up gets at
 *
 * Return: as guard_read()
 */
int guard_begin(struct link *l, struct guard_verdict *v)
{
	static struct target t;
	char name[TARGET_MAX];
	struct http_head h;
	size_t used;
	int n = -EBADMSG;

	l->guard = calloc(1, sizeof(*l->guard));
	if (l->endpoint->reach == REACH_FILLED)
		return begin_filled(l, v);
	if (l->guard && http_head_parse(l->up.buf, l->head_len, &h, &used) == 0 &&
	    target_parse(h.target, &t) == 0)
		n = endpoint_name(l->endpoint, &t, name, sizeof(name));
	if (n <= 0 || strpbrk(name, "%?# \r\n"))
		return say(v, 400, "the request names no container");
	l->guard->name = strdup(name);
	l->guard->about = l->endpoint->reach == REACH_EXEC ? ASK_EXEC : ASK_CONTAINER;
	if (l->guard->about == ASK_EXEC)
		return ask(l, v, ABOUT("exec/%s/json"), name);
	return ask(l, v, ABOUT("containers/%s/json"), name);
}
