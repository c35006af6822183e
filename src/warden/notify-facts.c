/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the container's views say, as numbers: read from the views themselves, so that there is one
 * place in which each fact is derived.
 *
 * A snapshot is as good as new for some milliseconds: a program that asks again and again does not
 * make the server render again and again.
 */
#include "config.h"
#include "warden/notify.h"

#include "lib/fd.h"
#include "lib/views.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SNAPSHOT_NS 5000000

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* of the two below; never held in I/O */
static struct notify_facts snapshot;
static uint64_t taken;

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* "Name:   123 kB" of meminfo; a line that is not there counts as 0. */
static uint64_t line_kb(const char *text, const char *name)
{
	size_t len = strlen(name);

	for (const char *p = text; p; p = strchr(p, '\n'), p = p ? p + 1 : NULL)
		if (strncmp(p, name, len) == 0 && p[len] == ':')
			return strtoull(p + len + 1, NULL, 10) * 1024;
	return 0;
}

static int read_memory(const struct notify *n, struct notify_facts *f)
{
	char text[8192];
	int r = fd_read_file_at(n->views_fd, "proc/meminfo", text, sizeof(text));

	if (r < 0)
		return r;
	f->total_ram = line_kb(text, "MemTotal");
	f->free_ram = line_kb(text, "MemFree");
	f->shared_ram = line_kb(text, "Shmem");
	f->buffer_ram = line_kb(text, "Buffers");
	f->total_swap = line_kb(text, "SwapTotal");
	f->free_swap = line_kb(text, "SwapFree");
	return f->total_ram ? 0 : -EIO;
}

static int read_load(const struct notify *n, struct notify_facts *f)
{
	unsigned int whole[3], part[3], running;
	char text[128];
	int r = fd_read_file_at(n->views_fd, "proc/loadavg", text, sizeof(text));

	if (r < 0)
		return r;
	if (sscanf(text, "%u.%2u %u.%2u %u.%2u %u/%u", &whole[0], &part[0], &whole[1], &part[1],
		   &whole[2], &part[2], &running, &f->procs) != 8)
		return -EIO;
	for (int i = 0; i < 3; i++)
		f->loads[i] = whole[i] * 100 + part[i];
	return 0;
}

/*
 * "0-3,5". By the name that the directory was covered by: a directory has one place only in the
 * kernel's cache, and mountinfo, by which covers are known again, says where.
 */
static int read_cpus(const struct notify *n, struct notify_facts *f)
{
	char path[sizeof(VIEW_COVERS "/") + VIEW_COVER_MAX + sizeof("/online")],
		name[VIEW_COVER_MAX];
	char text[4096];
	int r;

	view_cover_name("sys/devices/system/cpu", name);
	snprintf(path, sizeof(path), VIEW_COVERS "/%s/online", name);
	r = fd_read_file_at(n->views_fd, path, text, sizeof(text));

	f->cpus = 0;
	for (char *p = text; r > 0 && *p;) {
		unsigned long first = strtoul(p, &p, 10), last = first;

		if (*p == '-')
			last = strtoul(p + 1, &p, 10);
		if (last < first || last - first > 65536)
			return -EIO;
		f->cpus += last - first + 1;
		if (*p != ',')
			break;
		p++;
	}
	return r < 0 ? r : f->cpus ? 0 : -EIO;
}

/**
 * notify_facts_get() - what the views say at the moment
 *
 * Return: 0, or -errno: there is no other source.
 */
int notify_facts_get(const struct notify *n, struct notify_facts *ret)
{
	uint64_t now = now_ns();
	bool fresh;
	int r;

	pthread_mutex_lock(&lock);
	fresh = taken && now - taken < SNAPSHOT_NS;
	*ret = snapshot;
	pthread_mutex_unlock(&lock);
	if (fresh)
		return 0;
	r = read_memory(n, ret);
	if (r == 0)
		r = read_load(n, ret);
	if (r == 0)
		r = read_cpus(n, ret);
	if (r < 0)
		return r;
	pthread_mutex_lock(&lock);
	snapshot = *ret;
	taken = now;
	pthread_mutex_unlock(&lock);
	return 0;
}
