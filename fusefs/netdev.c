/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The network devices of the container, from its /proc/net/dev: what lies in a directory of sysctls
 * that has one entry for each of them.
 *
 * They come and go and are renamed, and the kernel asks for an entry by a number that it was told
 * once, perhaps by a server that has died since. So the number is made of the name, nothing is
 * kept, and each question reads the list anew. Two names of one number would be the container's own
 * doing, and lead to a device of its own.
 */
#include "config.h"
#include "netdev.h"
#include "pids.h"
#include "lib/sysctl.h"

#include <pthread.h>
#include <string.h>
#include <time.h>

#define NETDEV_MAX	512
#define TEXT_OF_DEVICES (64 * 1024) /* as many, and some */
#define TICK_NS		10000000u
#define SLOW_NS		500000u /* with some hundred devices */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct {
	uint64_t until, rest; /* CLOCK_MONOTONIC, ns: it will do for a listing, for all */
	uint64_t cost;	      /* ns */
	int reading;	      /* so many do */
	size_t n;
	struct device {
		uint32_t number;
		char name[NETDEV_NAME_MAX];
	} devices[NETDEV_MAX];
} seen; /* lock */

/**
 * name_number() - FNV-1a
 */
uint32_t name_number(const char *name, size_t len)
{
	uint32_t h = 2166136261u;

	for (size_t i = 0; i < len; i++)
		h = (h ^ (unsigned char)name[i]) * 16777619u;
	return h;
}

/* The kernel has no directory of sysctls for a device "default", and the other is hidden by ours.
 */
static bool is_taken(const char *name, size_t len)
{
	static const char *const taken[] = { "default", SYSCTL_NET_KERNEL };

	for (size_t i = 0; i < sizeof(taken) / sizeof(taken[0]); i++)
		if (strlen(taken[i]) == len && memcmp(taken[i], name, len) == 0)
			return true;
	return false;
}

/*
 * The next name in @p, which moves behind it: of all lines but the two of the heading it is what
 * stands before the colon, which no name has in it (net/core/dev.c: dev_valid_name()).
 */
static const char *next_name(const char **p, size_t *len)
{
	while (**p) {
		const char *line = *p + strspn(*p, " "), *end = line + strcspn(line, ":\n");

		*p = parse_next_line(*p);
		*len = end - line;
		if (*end == ':' && *len > 0 && *len < NETDEV_NAME_MAX && !is_taken(line, *len))
			return line;
	}
	return NULL;
}

/* Locking: lock. */
static void keep(const char *p)
{
	const char *name;
	size_t len;

	seen.n = 0;
	while (seen.n < NETDEV_MAX && (name = next_name(&p, &len))) {
		struct device *d = &seen.devices[seen.n++];

		d->number = name_number(name, len);
		memcpy(d->name, name, len);
		d->name[len] = '\0';
	}
}

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + ts.tv_nsec;
}

/* Locking: lock. Return: whether what is in @seen has to do. */
static bool will_do(bool anew, uint64_t now)
{
	if (seen.cost > SLOW_NS && (seen.reading || now < seen.rest))
		return true;
	return !anew && now < seen.until;
}

/* Has the list of devices in @seen, locked; a new one if @anew. No lock is held while it is read.
 */
static void look(const struct facts *facts, bool anew)
{
	struct text text = { 0 };
	uint64_t begin = now_ns(), end;

	pthread_mutex_lock(&lock);
	if (will_do(anew, begin))
		return;
	seen.reading++;
	pthread_mutex_unlock(&lock);
	if (pids_read_devices(facts, TEXT_OF_DEVICES, &text) < 0)
		text_clear(&text);
	end = now_ns();
	pthread_mutex_lock(&lock);
	keep(text.len ? text.buf : "");
	seen.reading--;
	seen.cost = end - begin;
	seen.until = end + TICK_NS;
	seen.rest = end + seen.cost;
	text_free(&text);
}

static const struct device *device_of(uint32_t number)
{
	for (size_t i = 0; i < seen.n; i++)
		if (seen.devices[i].number == number)
			return &seen.devices[i];
	return NULL;
}

/**
 * netdev_find() - is there a device @name, and which number has it?
 */
bool netdev_find(const struct facts *facts, const char *name, uint32_t *number)
{
	const struct device *d;
	bool found;

	*number = name_number(name, strlen(name));
	look(facts, true);
	d = device_of(*number);
	found = d && strcmp(d->name, name) == 0;
	pthread_mutex_unlock(&lock);
	return found;
}

/**
 * netdev_next() - the lowest number of a device at @from or above, or -1
 */
int64_t netdev_next(const struct facts *facts, uint64_t from)
{
	int64_t lowest = -1;

	look(facts, from == 0);
	for (size_t i = 0; i < seen.n; i++) {
		uint32_t number = seen.devices[i].number;

		if (number >= from && (lowest < 0 || number < lowest))
			lowest = number;
	}
	pthread_mutex_unlock(&lock);
	return lowest;
}

/**
 * netdev_name() - the name of the device of that number
 */
bool netdev_name(const struct facts *facts, uint32_t number, char name[NETDEV_NAME_MAX])
{
	const struct device *d;

	look(facts, false);
	d = device_of(number);
	if (d)
		memcpy(name, d->name, NETDEV_NAME_MAX);
	pthread_mutex_unlock(&lock);
	return d != NULL;
}
