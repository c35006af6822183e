/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kernel's own files in SYSCTL_NETFILTER, which come and go with modules, and of which some are
 * the host's: rows of the table, served from there. The others the warden reads and writes for us.
 *
 * As with network devices (netdev.c) the number of a file is made of its name, and nothing has to
 * be kept for a successor. Which files there are the warden is asked anew for a listing and for a
 * name that is not known; else what it said will do for as long as the kernel remembers a name.
 */
#include "config.h"
#include "natives.h"
#include "ask.h"
#include "netdev.h"
#include "tree.h"
#include "lib/natives.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define NATIVES_MAX 256
#define TICK_NS	    1000000000u

static struct server *server;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct {
	uint64_t until; /* CLOCK_MONOTONIC, ns */
	size_t n;
	struct native {
		uint32_t number;
		mode_t mode;
		bool row; /* of the table: that it is there is all that we take from the kernel */
		char name[NATIVE_NAME_MAX];
	} natives[NATIVES_MAX];
} seen; /* lock */

/**
 * natives_init() - call once, before any other
 */
void natives_init(struct server *s)
{
	server = s;
}

/**
 * natives_known() - is there somebody to ask? Not where the server is used alone.
 */
bool natives_known(void)
{
	return server->ask_fd >= 0;
}

/* Locking: lock. @p: lines of a mode and a name, terminated */
static void keep(const char *p)
{
	seen.n = 0;
	while (*p && seen.n < NATIVES_MAX) {
		struct native *n = &seen.natives[seen.n];
		char *name;
		mode_t mode = strtoul(p, &name, 8);
		size_t len = strcspn(name, "\n");

		p = parse_next_line(p);
		if (*name != ' ' || len < 2 || len > sizeof(n->name))
			continue;
		memcpy(n->name, name + 1, len - 1);
		n->name[len - 1] = '\0';
		n->number = name_number(n->name, len - 1);
		n->mode = mode & 0777;
		n->row = sysctl_in_netfilter(n->name);
		seen.n++;
	}
}

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + ts.tv_nsec;
}

/* Has the list in @seen, locked; a new one if @anew. No lock is held while the warden is asked. */
static void look(bool anew)
{
	struct native_question q = { .what = NATIVE_LIST };
	struct native_answer *a;

	pthread_mutex_lock(&lock);
	if (!anew && now_ns() < seen.until)
		return;
	pthread_mutex_unlock(&lock);
	a = malloc(sizeof(*a));
	if (a && ask_native(server, &q, a) >= 0) {
		pthread_mutex_lock(&lock);
		keep(a->data);
		seen.until = now_ns() + TICK_NS;
	} else {
		pthread_mutex_lock(&lock);
	}
	free(a);
}

/* Locking: lock. */
static const struct native *by_name(const char *name)
{
	for (size_t i = 0; i < seen.n; i++)
		if (strcmp(seen.natives[i].name, name) == 0)
			return &seen.natives[i];
	return NULL;
}

/**
 * natives_have() - does the kernel show a file @name, whose ever it is?
 */
bool natives_have(const char *name)
{
	bool found;

	if (!natives_known())
		return true;
	look(false);
	found = by_name(name);
	pthread_mutex_unlock(&lock);
	if (found)
		return true;
	look(true);
	found = by_name(name);
	pthread_mutex_unlock(&lock);
	return found;
}

/**
 * natives_find() - is there a file @name of the container's own, and which number has it?
 */
bool natives_find(const char *name, uint32_t *number)
{
	const struct native *n;
	bool found;

	if (!natives_known() || !natives_have(name))
		return false;
	pthread_mutex_lock(&lock);
	n = by_name(name);
	found = n && !n->row;
	if (found)
		*number = n->number;
	pthread_mutex_unlock(&lock);
	return found;
}

/**
 * natives_next() - the lowest number of a file at @from or above, or -1
 */
int64_t natives_next(uint64_t from)
{
	int64_t lowest = -1;

	if (!natives_known())
		return -1;
	look(from == 0);
	for (size_t i = 0; i < seen.n; i++) {
		const struct native *n = &seen.natives[i];

		if (!n->row && n->number >= from && (lowest < 0 || n->number < lowest))
			lowest = n->number;
	}
	pthread_mutex_unlock(&lock);
	return lowest;
}

/**
 * natives_get() - the mode of the file of that number, and its name; 0 if it is gone
 * @name: TREE_NAME_MAX bytes, or NULL
 */
mode_t natives_get(uint32_t number, char *name)
{
	mode_t mode = 0;

	if (!natives_known())
		return 0;
	look(false);
	for (size_t i = 0; i < seen.n; i++) {
		const struct native *n = &seen.natives[i];

		if (n->row || n->number != number)
			continue;
		mode = S_IFREG | n->mode;
		if (name)
			memcpy(name, n->name, sizeof(n->name));
	}
	pthread_mutex_unlock(&lock);
	return mode;
}

static int64_t ask_of(uint32_t number, struct native_question *q, struct native_answer *a)
{
	char name[TREE_NAME_MAX];

	if (!natives_get(number, name))
		return -ENOENT;
	memcpy(q->name, name, sizeof(q->name));
	return ask_native(server, q, a);
}

/**
 * natives_read() - append what the file says
 */
int natives_read(uint32_t number, struct text *out)
{
	struct native_question q = { .what = NATIVE_READ };
	struct native_answer *a = malloc(sizeof(*a));
	int64_t r = a ? ask_of(number, &q, a) : -ENOMEM;

	if (r > 0)
		text_bytes(out, a->data, r);
	free(a);
	return r < 0 ? r : 0;
}

/**
 * natives_write() - have @w written to the file
 * @written: receives how much of it the kernel took
 */
int natives_write(uint32_t number, const struct native_write *w, size_t *written)
{
	struct native_question *q = calloc(1, sizeof(*q));
	struct native_answer *a = malloc(sizeof(*a));
	int64_t r = -ENOMEM;

	if (q && a && w->len <= sizeof(q->data)) {
		q->what = NATIVE_WRITE;
		q->pid = w->pid;
		q->len = w->len;
		q->offset = w->offset;
		memcpy(q->data, w->data, w->len);
		r = ask_of(number, q, a);
	}
	free(q);
	free(a);
	*written = r < 0 ? 0 : r;
	return r < 0 ? r : 0;
}
