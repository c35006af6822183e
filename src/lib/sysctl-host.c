/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What containers ask of the host's own sysctls.
 *
 * Theory of operation. All of a machine's containers share a directory (.sysctls of the machine's
 * state root). In it a container that wrote a shared sysctl has a file of what it asks for, named
 * by its PID 1: when that has died the file counts no more, whoever finds it. `ledger` says of each
 * sysctl that we changed what the host's own value is (`base`) and what we wrote last. Whoever
 * changes anything settles under the lock: the host gets the extreme of base and all that is asked,
 * and base when nothing is asked.
 *
 * A value in the kernel that is not the one we wrote last is the host's: it becomes base. The
 * ledger is written before the kernel's file, with the former value beside the new one, so that a
 * death in between is not taken for a word of the host. (The host cannot be told from us when it
 * writes the very value that stands there.)
 *
 * What a container asks for was cut to the table's cap before it got into its file.
 */
#include "config.h"
#include "lib/sysctl-host.h"

#include "lib/dir.h"
#include "lib/fd.h"
#include "lib/rundir.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define DIR_NAME ".sysctls"
#define LOCK	 ".lock"
#define LEDGER	 "ledger"
#define TEXT_MAX 8192
#define TRIES	 100

/* One shared sysctl while settling. */
struct account {
	const struct sysctl *s;
	bool known;		  /* the ledger has it */
	int64_t base, last, prev; /* see above */
	bool asked;
	int64_t ask; /* the extreme of all */
};

#define ACCOUNTS_MAX 32

struct books {
	struct account a[ACCOUNTS_MAX];
	int n;
};

static bool more(const struct sysctl *s, int64_t a, int64_t b)
{
	return s->type == SYSCTL_ULONG ? (uint64_t)a > (uint64_t)b : a > b;
}

/* Does @a go further than @b in the direction that @s goes? */
static bool further(const struct sysctl *s, int64_t a, int64_t b)
{
	return s->policy == SYSCTL_MAX ? more(s, a, b) : more(s, b, a);
}

static int64_t within_cap(const struct sysctl *s, int64_t v)
{
	return further(s, v, s->cap) ? s->cap : v;
}

static int64_t number(const struct sysctl *s, const char *text)
{
	return s->type == SYSCTL_ULONG ? (int64_t)strtoull(text, NULL, 10)
				       : strtoll(text, NULL, 10);
}

/**
 * sysctl_host_read() - the host's value of @s, its first number
 */
int sysctl_host_read(int root_fd, const struct sysctl *s, int64_t *value)
{
	char text[64];
	int r = fd_read_file_at(root_fd, s->path, text, sizeof(text));

	if (r < 0)
		return r;
	*value = number(s, text);
	return 0;
}

/*
 * Keeps others from opening the file until @fd is closed: the kernel has no compare-and-swap, and
 * what the host writes between our look and our write would be lost. A lease (fcntl(2)) makes
 * whoever opens it wait for us, and is not given while somebody has it open.
 *
 * Without one (somebody keeps it open; a procfs of the host's other than /proc) that are two system
 * calls, a microsecond.
 */
static void keep_others_out(int fd)
{
	const struct timespec moment = { .tv_nsec = 100000 };

	/* That others wait is told by a signal: by one that does nothing. */
	fcntl(fd, F_SETSIG, SIGURG);
	for (int i = 0; i < TRIES; i++) {
		if (fcntl(fd, F_SETLEASE, F_WRLCK) == 0 || errno != EAGAIN)
			return;
		nanosleep(&moment, NULL);
	}
}

/* Return: -EAGAIN if the host has another value than @now. */
static int host_write(int root_fd, const struct sysctl *s, int64_t now, int64_t value)
{
	autofd fd = openat(root_fd, s->path, O_RDWR | O_CLOEXEC);
	char text[32], found[64];
	int len = snprintf(text, sizeof(text), s->type == SYSCTL_ULONG ? "%" PRIu64 : "%" PRId64,
			   value);
	ssize_t n;

	if (fd < 0)
		return -errno;
	keep_others_out(fd);
	n = pread(fd, found, sizeof(found) - 1, 0);
	if (n < 0)
		return -errno;
	found[n] = '\0';
	if (number(s, found) != now)
		return -EAGAIN;
	return pwrite(fd, text, len, 0) < 0 ? -errno : 0;
}

/**
 * sysctl_host_initial() - a container that asks for nothing sees the limit that is in force
 * @root_fd: the host's "/"
 *
 * Up to the cap, that is: more cannot be asked for, and beyond it the number would only tell of the
 * host.
 */
void sysctl_host_initial(int root_fd, struct sysctl_store *store)
{
	for (int i = 0; i < sysctls_count; i++) {
		const struct sysctl *s = &sysctls[i];
		struct sysctl_value value;

		if (!sysctl_is_shared(s))
			continue;
		sysctl_initial(s, &value);
		if (sysctl_host_read(root_fd, s, &value.n[0]) < 0)
			continue;
		value.n[0] = within_cap(s, value.n[0]);
		sysctl_store_put(store, s, &value);
	}
}

/* The directory of the machine. Return: -ENOENT if nobody ever asked for anything. */
static int open_dir(int state_fd, bool create)
{
	autofd machine = rundir_machine(state_fd);
	int fd;

	if (machine < 0)
		return machine;
	if (create && mkdirat(machine, DIR_NAME, 0700) < 0 && errno != EEXIST)
		return -errno;
	fd = openat(machine, DIR_NAME, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static struct account *account_of(struct books *b, const char *path)
{
	for (int i = 0; i < b->n; i++)
		if (strcmp(b->a[i].s->path, path) == 0)
			return &b->a[i];
	return NULL;
}

static void open_accounts(struct books *b)
{
	b->n = 0;
	for (int i = 0; i < sysctls_count && b->n < ACCOUNTS_MAX; i++)
		if (sysctl_is_shared(&sysctls[i]))
			b->a[b->n++] = (struct account){ .s = &sysctls[i] };
}

static void read_ledger(int dir, struct books *b)
{
	char text[TEXT_MAX], *rest = text, *line;

	if (fd_read_file_at(dir, LEDGER, text, sizeof(text)) < 0)
		return;
	while ((line = strsep(&rest, "\n"))) {
		char path[128];
		int64_t base, last, prev;
		struct account *a;

		if (sscanf(line, "%127s %" SCNd64 " %" SCNd64 " %" SCNd64, path, &base, &last,
			   &prev) != 4)
			continue;
		a = account_of(b, path);
		if (!a)
			continue;
		a->known = true;
		a->base = base;
		a->last = last;
		a->prev = prev;
	}
}

static int write_ledger(int dir, const struct books *b)
{
	char text[TEXT_MAX];
	size_t len = 0;

	for (int i = 0; i < b->n; i++) {
		const struct account *a = &b->a[i];

		if (a->known)
			len += snprintf(text + len, sizeof(text) - len,
					"%s %" PRId64 " %" PRId64 " %" PRId64 "\n", a->s->path,
					a->base, a->last, a->prev);
	}
	return fd_replace_file_at(dir, LEDGER, text, len, 0600);
}

static void read_asks(int dir, const char *name, struct books *b)
{
	char text[TEXT_MAX], *rest = text, *line;

	if (fd_read_file_at(dir, name, text, sizeof(text)) < 0)
		return;
	while ((line = strsep(&rest, "\n"))) {
		char path[128];
		int64_t value;
		struct account *a;

		if (sscanf(line, "%127s %" SCNd64, path, &value) != 2)
			continue;
		a = account_of(b, path);
		if (!a || (a->asked && !further(a->s, value, a->ask)))
			continue;
		a->asked = true;
		a->ask = value;
	}
}

/* The file's name is its PID 1: "PID-START". */
static bool parse_name(const char *name, struct proc_id *id)
{
	int pid, used = 0;

	*id = (struct proc_id){ 0 };
	if (sscanf(name, "%d-%" SCNu64 "%n", &pid, &id->start, &used) != 2 || name[used] != '\0')
		return false;
	id->pid = pid;
	return true;
}

static void print_name(char name[64], const struct proc_id *id)
{
	snprintf(name, 64, "%d-%" PRIu64, (int)id->pid, id->start);
}

static int collect_asks(int dir, struct books *b)
{
	autodir d = dir_open_at(dir, ".");
	struct dirent *e;

	if (!d)
		return -errno;
	while ((e = dir_next(d))) {
		struct proc_id id;

		if (!parse_name(e->d_name, &id))
			continue;
#ifdef MUTANT_SYSCTL_KEPT
		read_asks(dir, e->d_name, b);
#else
		if (proc_alive(&id))
			read_asks(dir, e->d_name, b);
		else
			unlinkat(dir, e->d_name, 0);
#endif
	}
	return 0;
}

/* What the host's own value is, and what it should have. Return: whether it is to be written. */
static bool weigh(struct account *a, int64_t now, int64_t *target)
{
	if (!a->known)
		a->base = now;
#ifndef MUTANT_SYSCTL_HOST_UNDONE
	else if (now != a->last && now != a->prev)
		a->base = now;
#endif
	*target = a->asked && further(a->s, a->ask, a->base) ? a->ask : a->base;
	a->known = true;
	a->prev = now;
	a->last = *target;
	return *target != now;
}

/* The ledger says first what will be written. Return: as host_write(). */
static int follow(int dir, int root_fd, struct books *b, struct account *a)
{
	int64_t now, target;
	int r = sysctl_host_read(root_fd, a->s, &now);

	if (r < 0)
		return r;
	if (weigh(a, now, &target)) {
		r = write_ledger(dir, b);
		if (r == 0)
			r = host_write(root_fd, a->s, now, target);
	}
	if (r < 0) /* it stands where it stood, or the host wrote */
		a->last = now;
	a->prev = a->last;
	return r;
}

static int settle_one(int dir, int root_fd, struct books *b, struct account *a)
{
	struct account before = *a;
	int r = -EAGAIN;

	if (!a->known && !a->asked)
		return 0;
	for (int i = 0; r == -EAGAIN && i < TRIES; i++)
		r = follow(dir, root_fd, b, a);
	if (!a->asked && r == 0)
		a->known = false;
	if (a->known != before.known || a->last != before.last || a->prev != before.prev ||
	    a->base != before.base)
		write_ledger(dir, b);
	return r;
}

/* Return: the first error; one sysctl that cannot be written keeps no other from being. */
static int settle(int dir)
{
	autofd lock = fd_lock_file_at(dir, LOCK);
	autofd root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct books b;
	int r;

	if (lock < 0 || root < 0)
		return lock < 0 ? lock : -errno;
	open_accounts(&b);
	read_ledger(dir, &b);
	r = collect_asks(dir, &b);
	for (int i = 0; i < b.n; i++) {
		int one = settle_one(dir, root, &b, &b.a[i]);

		r = r ?: one;
	}
	return r;
}

/* Its shared sysctls as the container wants them, as text. Return: length. */
static size_t print_asks(const struct sysctl_store *store, char text[TEXT_MAX])
{
	size_t len = 0;

	for (int i = 0; i < sysctls_count; i++) {
		const struct sysctl *s = &sysctls[i];
		struct sysctl_value value;
		size_t consumed;
		char written[32];

		if (!sysctl_is_shared(s) || !(sysctl_store_marks(store, s) & SYSCTL_ASKED))
			continue;
		sysctl_store_get(store, s, &value);
		/* The store is the server's: nothing that a write could not have put there. */
		snprintf(written, sizeof(written),
			 s->type == SYSCTL_ULONG ? "%" PRIu64 : "%" PRId64, value.n[0]);
		if (sysctl_write(s, &value, written, strlen(written), 0, &consumed) < 0)
			continue;
#ifndef MUTANT_SYSCTL_NO_CAP
		value.n[0] = within_cap(s, value.n[0]);
#endif
		len += snprintf(text + len, TEXT_MAX - len, "%s %" PRId64 "\n", s->path,
				value.n[0]);
	}
	return len;
}

/**
 * sysctl_host_ask() - a container's values changed: what it asks for counts from here on
 * @state_fd: its state root
 * @init: its PID 1, with whose death it ends
 */
int sysctl_host_ask(int state_fd, const struct proc_id *init, const struct sysctl_store *store)
{
	char text[TEXT_MAX], name[64];
	size_t len = print_asks(store, text);
	autofd dir = open_dir(state_fd, len > 0);
	int r;

	if (dir < 0)
		return len == 0 && dir == -ENOENT ? 0 : dir;
	print_name(name, init);
	if (len > 0)
		r = fd_replace_file_at(dir, name, text, len, 0600);
	else
		r = unlinkat(dir, name, 0) < 0 && errno != ENOENT ? -errno : 0;
	return r < 0 ? r : settle(dir);
}

/**
 * sysctl_host_end() - take back what a container asked for
 */
int sysctl_host_end(int state_fd, const struct proc_id *init)
{
	autofd dir = open_dir(state_fd, false);
	char name[64];

	if (dir < 0)
		return dir == -ENOENT ? 0 : dir;
	print_name(name, init);
	unlinkat(dir, name, 0);
	return settle(dir);
}

/**
 * sysctl_host_sweep() - take back what dead containers asked for
 */
int sysctl_host_sweep(int state_fd)
{
	autofd dir = open_dir(state_fd, false);

	return dir == -ENOENT ? 0 : dir < 0 ? dir : settle(dir);
}
