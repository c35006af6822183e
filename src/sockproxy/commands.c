/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of endpoints (Docker Engine API, api/swagger.yaml and the daemon's routers). The first
 * row that fits is the one; what fits none is blocked, so an endpoint of a newer engine is closed
 * until somebody has thought about it.
 *
 * A command in a deny list blocks the rows that it defines. A command in an allow list opens those
 * and the rows that the command line tool needs for it.
 */
#include "config.h"
#include "sockproxy/commands.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* clang-format off */
static const struct endpoint endpoints[] = {
	{ "HEAD", "_ping", "", "", BODY_NONE },
	{ "GET", "_ping", "", "", BODY_NONE },
	{ "GET", "version", "version", "", BODY_NONE },
	{ "GET", "info", "info", "inspect|stack|swarm|system prune", BODY_NONE },
	{ "GET", "events", "events", "stats", BODY_NONE },
	{ "GET", "system/df", "system df", "", BODY_NONE },
	{ "POST", "auth", "login", "", BODY_JSON },

	{ "GET", "containers/json", "ps", "stats|images", BODY_NONE },
	{ "POST", "containers/create", "create|run", "", BODY_JSON, REACH_FILLED },
	{ "POST", "containers/prune", "container prune", "system prune", BODY_NONE },
	{ "GET", "containers/*/checkpoints", "checkpoint", "", BODY_NONE },
	{ "POST", "containers/*/checkpoints", "checkpoint", "", BODY_JSON, REACH_INTO },
	{ "DELETE", "containers/?/checkpoints/?", "checkpoint", "", BODY_NONE },
	{ "HEAD", "containers/*/archive", "cp", "", BODY_NONE, REACH_FILES },
	{ "GET", "containers/*/archive", "cp", "", BODY_NONE, REACH_FILES },
	{ "PUT", "containers/*/archive", "cp", "", BODY_STREAM, REACH_FILES },
	{ "GET", "containers/*/attach/ws", "attach", "", BODY_HIJACK, REACH_INTO },
	{ "POST", "containers/*/attach", "attach", "run|start", BODY_HIJACK, REACH_INTO },
	{ "GET", "containers/*/export", "export", "", BODY_NONE, REACH_INTO },
	{ "GET", "containers/*/changes", "diff", "", BODY_NONE, REACH_INTO },
	{ "GET", "containers/*/json", "container inspect|port|inspect", "attach|exec|logs|start|run|cp|wait", BODY_NONE },
	{ "GET", "containers/*/top", "top", "", BODY_NONE },
	{ "GET", "containers/*/logs", "logs", "", BODY_NONE },
	{ "GET", "containers/*/stats", "stats", "", BODY_NONE },
	{ "POST", "containers/*/exec", "exec", "", BODY_JSON, REACH_INTO },
	{ "POST", "containers/*/kill", "kill", "run|attach|start", BODY_NONE },
	{ "POST", "containers/*/pause", "pause", "", BODY_NONE },
	{ "POST", "containers/*/unpause", "unpause", "", BODY_NONE },
	{ "POST", "containers/*/restart", "restart", "", BODY_NONE, REACH_INTO },
	{ "POST", "containers/*/start", "start", "run", BODY_NONE, REACH_INTO },
	{ "POST", "containers/*/stop", "stop", "", BODY_NONE },
	{ "POST", "containers/*/wait", "wait", "run|attach|start", BODY_NONE },
	{ "POST", "containers/*/resize", "", "run|attach|start", BODY_NONE },
	{ "POST", "containers/*/rename", "rename", "", BODY_NONE, REACH_INTO },
	{ "POST", "containers/*/update", "update", "", BODY_JSON, REACH_INTO },
	{ "DELETE", "containers/*", "rm", "run", BODY_NONE },
	{ "GET", "exec/*/json", "", "exec", BODY_NONE },
	{ "POST", "exec/*/start", "exec", "", BODY_HIJACK, REACH_EXEC },
	{ "POST", "exec/*/resize", "", "exec", BODY_NONE },
	{ "POST", "commit", "commit", "", BODY_JSON, REACH_INTO },

	{ "GET", "images/json", "images", "", BODY_NONE },
	{ "GET", "images/search", "search", "", BODY_NONE },
	{ "GET", "images/get", "save", "", BODY_NONE },
	{ "GET", "images/*/get", "save", "", BODY_NONE },
	{ "GET", "images/*/history", "history", "", BODY_NONE },
	{ "GET", "images/*/json", "image inspect|inspect", "run|create", BODY_NONE },
	{ "GET", "images/*/attestations", "image inspect", "", BODY_NONE },
	{ "POST", "images/load", "load", "", BODY_STREAM },
	/* pull, or import where "fromSrc" is given: endpoint_find() tells them apart */
	{ "POST", "images/create", "pull", "run|create", BODY_NONE },
	{ "POST", "images/create", "import", "", BODY_STREAM },
	{ "POST", "images/prune", "image prune", "system prune", BODY_NONE },
	{ "POST", "images/*/push", "push", "", BODY_NONE },
	{ "POST", "images/*/tag", "tag", "", BODY_NONE },
	{ "DELETE", "images/*", "rmi", "", BODY_NONE },
	{ "GET", "distribution/*/json", "", "service|stack|pull|push", BODY_NONE },

	{ "POST", "build", "build", "", BODY_STREAM },
	{ "POST", "build/prune", "builder prune", "system prune", BODY_NONE },
	{ "POST", "build/cancel", "build", "", BODY_NONE },
	{ "POST", "session", "build", "", BODY_HIJACK },
	{ "POST", "grpc", "build", "", BODY_HIJACK },

	{ "GET", "volumes", "volume ls", "", BODY_NONE },
	{ "POST", "volumes/create", "volume create", "", BODY_JSON },
	{ "POST", "volumes/prune", "volume prune", "system prune", BODY_NONE },
	{ "GET", "volumes/*", "volume inspect", "inspect", BODY_NONE },
	{ "PUT", "volumes/*", "volume update", "", BODY_JSON },
	{ "DELETE", "volumes/*", "volume rm", "", BODY_NONE },

	{ "GET", "networks", "network ls", "", BODY_NONE },
	{ "POST", "networks/create", "network create", "stack", BODY_JSON },
	{ "POST", "networks/prune", "network prune", "system prune", BODY_NONE },
	{ "POST", "networks/*/connect", "network connect", "", BODY_JSON },
	{ "POST", "networks/*/disconnect", "network disconnect", "", BODY_JSON },
	{ "GET", "networks/*", "network inspect", "inspect", BODY_NONE },
	{ "DELETE", "networks/*", "network rm", "", BODY_NONE },

	{ "GET", "swarm", "swarm", "", BODY_NONE },
	{ "GET", "nodes", "node", "", BODY_NONE },
	{ "GET", "nodes/?", "node", "", BODY_NONE },
	{ "GET", "tasks", "service|node", "stack", BODY_NONE },
	{ "GET", "tasks/?", "service|node", "stack", BODY_NONE },
	{ "GET", "tasks/?/logs", "service|node", "stack", BODY_NONE },
	{ "GET", "services", "service", "stack", BODY_NONE },
	{ "GET", "services/?", "service", "stack", BODY_NONE },
	{ "GET", "services/?/logs", "service", "stack", BODY_NONE },

	/* Without what is secret; `docker inspect` asks everywhere. */
	{ "GET", "plugins/*/json", "inspect", "", BODY_NONE },
	{ "GET", "secrets/?", "inspect|secret", "", BODY_NONE },
};
/* clang-format on */

#define N_ENDPOINTS ((int)(sizeof(endpoints) / sizeof(endpoints[0])))

static size_t word_len(const char *s)
{
	return strcspn(s, "/");
}

/* A "*" is greedy and there is one at most: what follows it is matched from the end. */
static bool path_fits(const char *pattern, const struct target *t)
{
	int i = 0;

	for (const char *p = pattern; *p; p += word_len(p), p += *p == '/') {
		size_t n = word_len(p);

		if (n == 1 && *p == '*') {
			int after = 0;

			for (const char *q = p; (q = strchr(q, '/')); q++)
				after++;
			if (t->n_segments - after <= i)
				return false;
			i = t->n_segments - after;
			continue;
		}
		if (i >= t->n_segments)
			return false;
		if (!(n == 1 && *p == '?') &&
		    (strlen(t->segment[i]) != n || memcmp(t->segment[i], p, n) != 0))
			return false;
		i++;
	}
#ifdef MUTANT_PATHS_BEGIN
	return true;
#endif
	return i == t->n_segments;
}

/* The segments that the "*" of a pattern stands for; 0 if it has none. */
static int star(const struct endpoint *e, const struct target *t, int *first)
{
	const char *p = strchr(e->path, '*');
	int before = 0, after = 0;

	if (!p)
		return 0;
	for (const char *q = e->path; q < p; q++)
		before += *q == '/';
	for (; *p; p++)
		after += *p == '/';
	*first = before;
	return t->n_segments - before - after;
}

/**
 * endpoint_name() - the container, or what else a request is about, as its client calls it
 *
 * Return: its length; 0: it is about none; -EMSGSIZE
 */
int endpoint_name(const struct endpoint *e, const struct target *t, char *buf, size_t size)
{
	const char *query = strcmp(e->path, "commit") == 0 ? target_query(t, "container") : NULL;
	int first = 0, n = star(e, t, &first);
	size_t len = 0;

	if (query)
		len = snprintf(buf, size, "%s", query);
	for (int i = 0; i < n && len < size; i++)
		len += snprintf(buf + len, size - len, "%s%s", i ? "/" : "", t->segment[first + i]);
	return len < size ? (int)len : -EMSGSIZE;
}

/**
 * endpoint_set_name() - call it @name, which has no slash, in the place of what endpoint_name()
 * says
 * @name: used for as long as @t is
 *
 * Return: 0, or -ENOENT if it is about none
 */
int endpoint_set_name(const struct endpoint *e, struct target *t, char *name)
{
	int first = 0, n = star(e, t, &first);

	if (strcmp(e->path, "commit") == 0) {
		/* The engine takes the first, too. */
		for (int i = 0; i < t->n_queries; i++)
			if (strcmp(t->query[i].key, "container") == 0) {
				t->query[i].value = name;
				return 0;
			}
		return -ENOENT;
	}
	if (n < 1)
		return -ENOENT;
	t->segment[first] = name;
	memmove(&t->segment[first + 1], &t->segment[first + n],
		(t->n_segments - first - n) * sizeof(t->segment[0]));
	t->n_segments -= n - 1;
	return 0;
}

/**
 * endpoint_find() - the endpoint that a request means, or NULL
 */
const struct endpoint *endpoint_find(struct span method, const struct target *t)
{
	bool import = target_query(t, "fromSrc") && *target_query(t, "fromSrc");

	for (int i = 0; i < N_ENDPOINTS; i++) {
		const struct endpoint *e = &endpoints[i];

		if (!span_is(method, e->method) || !path_fits(e->path, t))
			continue;
		if (strcmp(e->path, "images/create") == 0 && import != (e->body == BODY_STREAM))
			continue;
		return e;
	}
#ifdef MUTANT_UNKNOWN_PASSES
	return &endpoints[1];
#endif
	return NULL;
}

/**
 * endpoint_is_raw() - does the connection become the streams of a container's process?
 */
bool endpoint_is_raw(const struct endpoint *e)
{
	return e->body == BODY_HIJACK && e->reach != REACH_NONE;
}

static bool lists_any(const struct sockcommands *list, const char *names)
{
	char name[64];

	while (*names) {
		size_t n = strcspn(names, "|");
		struct sockcommands one = { 0 };

		memcpy(name, names, n);
		name[n] = '\0';
		if (sockcommands_add(&one, name) == 0 &&
		    ((one.listed[0] & list->listed[0]) || (one.listed[1] & list->listed[1])))
			return true;
		names += n + (names[n] == '|');
	}
	return false;
}

/**
 * endpoint_allowed() - does @list let a request for @e pass?
 * What every client needs to begin (_ping) always does.
 */
bool endpoint_allowed(const struct sockcommands *list, const struct endpoint *e)
{
	if (!e->defines[0] && !e->used_by[0])
		return true;
#ifdef MUTANT_COMMANDS_IGNORED
	return true;
#endif
	if (!list->allow)
		return !lists_any(list, e->defines);
	return lists_any(list, e->defines) || lists_any(list, e->used_by);
}
