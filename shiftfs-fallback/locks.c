/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Locks are taken in the backing, so that those who use the mount and those who use the directory
 * itself, or another mount of it, respect each other's.
 *
 * flock(2) locks belong to an open file, here as there. A process's locks (fcntl(2)) are taken as
 * an open file's too (F_OFD_SETLK): the server is one process, and each owner that the kernel tells
 * of gets an open file of its own for the inode. It ends when the owner closes the file (FLUSH), or
 * when the open file ends that it was taken through.
 *
 * Nobody waits in a system call: lock-wait.c.
 */
#include "config.h"
#include "locks.h"
#include "server.h"
#include "survive.h"
#include "lib/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#define OWNER_MAGIC 0x6f776e72u
#define MAX_OWNERS  (1u << 20)
#define OFFSET_MAX  INT64_MAX

struct lock_owner {
	int32_t fd; /* first for pool.c, as in struct open_file */
	uint32_t in_use;
	struct lock_owner *next;
	struct node *node;
	struct open_file *through;
	uint64_t owner;
	uint32_t pid;
};

static struct lock_owner **bucket_of(const struct server *s, const struct node *n)
{
	return &s->lock_table->bucket[((uintptr_t)n / sizeof(*n)) % BUCKETS];
}

/* Locking: lock. */
static struct lock_owner *find(const struct server *s, const struct node *n, uint64_t owner)
{
	struct lock_owner *o = *bucket_of(s, n);

	while (o && (o->node != n || o->owner != owner))
		o = o->next;
	return o;
}

static int open_for_locks(struct server *s, struct node *n)
{
	int fd = node_open(&s->nodes, n, O_RDWR | O_NOCTTY);

	return fd >= 0 ? fd : node_open(&s->nodes, n, O_RDONLY | O_NOCTTY);
}

/* Locking: lock. Return: the owner, made if need be, or NULL; *error. */
static struct lock_owner *get(struct request *r, const struct fuse_lk_in *in, int *error)
{
	struct server *s = r->server;
	struct node *n = request_node(r);
	struct lock_owner *o = find(s, n, in->owner);
	int fd;

	if (o)
		return o;
	fd = *error = open_for_locks(s, n);
	if (fd < 0)
		return NULL;
	o = pool_alloc(&s->lock_owners);
	if (!o) {
		close(fd);
		*error = -ENOLCK;
		return NULL;
	}
	*o = (struct lock_owner){ .fd = fd,
				  .next = *bucket_of(s, n),
				  .node = n,
				  .through = (struct open_file *)(uintptr_t)in->fh,
				  .owner = in->owner,
				  .pid = in->lk.pid };
	__atomic_store_n(&o->in_use, OWNER_MAGIC, __ATOMIC_RELEASE);
	*bucket_of(s, n) = o;
	atomic_fetch_add(&s->lock_table->owners, 1);
	return o;
}

/* Locking: lock. */
static void end(struct server *s, struct lock_owner **place)
{
	struct lock_owner *o = *place;
	int fd = o->fd;

	*place = o->next;
	o->fd = -1;
	o->in_use = 0;
	close(fd);
	pool_free(&s->lock_owners, o);
	atomic_fetch_sub(&s->lock_table->owners, 1);
	pthread_cond_signal(&s->lock_table->changed);
}

static bool recover(void *object, void *arg)
{
	const struct server *s = arg;
	struct lock_owner *o = object;

	if (o->in_use != OWNER_MAGIC || o->fd < 0)
		return false;
	o->next = *bucket_of(s, o->node);
	*bucket_of(s, o->node) = o;
	atomic_fetch_add(&s->lock_table->owners, 1);
	return true;
}

/**
 * locks_flush() - @owner closes a file of @n: its locks of that are gone
 */
void locks_flush(struct server *s, struct node *n, uint64_t owner)
{
	struct lock_owner **p;

	if (!atomic_load(&s->lock_table->owners))
		return;
	pthread_mutex_lock(&s->lock_table->lock);
	for (p = bucket_of(s, n); *p && ((*p)->node != n || (*p)->owner != owner); p = &(*p)->next)
		;
	if (*p)
		end(s, p);
	pthread_mutex_unlock(&s->lock_table->lock);
}

/**
 * locks_release() - an open file ends, and the locks that were taken through it
 * @flock_too: it may have one of flock(2), which the backing's file would keep while it is used
 *	for passthrough
 */
void locks_release(struct server *s, struct open_file *f, bool flock_too)
{
	struct lock_owner **p;

	if (flock_too) {
		flock(f->fd, LOCK_UN);
		pthread_cond_signal(&s->lock_table->changed);
	}
	if (!atomic_load(&s->lock_table->owners))
		return;
	pthread_mutex_lock(&s->lock_table->lock);
	for (p = bucket_of(s, f->node); *p;) {
		if ((*p)->through == f)
			end(s, p);
		else
			p = &(*p)->next;
	}
	pthread_mutex_unlock(&s->lock_table->lock);
}

static struct flock range_of(const struct fuse_file_lock *lk)
{
	return (struct flock){ .l_type = lk->type,
			       .l_whence = SEEK_SET,
			       .l_start = lk->start,
			       .l_len = lk->end >= OFFSET_MAX ? 0 : lk->end - lk->start + 1 };
}

/* Locking: lock. The pid of another owner here; the kernel knows none for an open file's lock. */
static uint32_t pid_of_another(const struct server *s, const struct node *n, uint64_t owner)
{
	for (const struct lock_owner *o = *bucket_of(s, n); o; o = o->next)
		if (o->node == n && o->owner != owner)
			return o->pid;
	return 0;
}

/**
 * do_getlk() - GETLK: which lock is in the way?
 */
int do_getlk(struct request *r)
{
	const struct fuse_lk_in *in = r->arg;
	struct fuse_lk_out *out = &r->reply.lk;
	struct node *n = request_node(r);
	struct server *s = r->server;
	struct flock l = range_of(&in->lk);
	struct lock_owner *o;
	autofd own = -1;
	int error = 0;

	pthread_mutex_lock(&s->lock_table->lock);
	o = find(s, n, in->owner);
	if (!o)
		own = open_for_locks(s, n);
	if ((!o && own < 0) || fcntl(o ? o->fd : own, F_OFD_GETLK, &l) < 0)
		error = o || own >= 0 ? -errno : own;
	*out = (struct fuse_lk_out){
		.lk = { .start = l.l_start,
			.end = l.l_len ? l.l_start + l.l_len - 1 : OFFSET_MAX,
			.type = l.l_type,
			.pid = l.l_pid > 0 ? (uint32_t)l.l_pid : pid_of_another(s, n, in->owner) }
	};
	pthread_mutex_unlock(&s->lock_table->lock);
	return error < 0 ? error : reply_with(r, out, sizeof(*out));
}

static int try_flock(const struct server *s, const struct fuse_lk_in *in)
{
	int op = in->lk.type == F_UNLCK ? LOCK_UN : in->lk.type == F_RDLCK ? LOCK_SH : LOCK_EX;
	int fd = open_file_fd(in->fh);

	if (flock(fd, op | LOCK_NB) < 0)
		return errno == EWOULDBLOCK ? -EAGAIN : -errno;
	if (op != LOCK_EX)
		pthread_cond_signal(&s->lock_table->changed);
	return 0;
}

static bool is_all(const struct fuse_file_lock *lk)
{
	return lk->start == 0 && lk->end >= OFFSET_MAX;
}

/**
 * locks_try() - get a lock, or let go of one, or find that one has to wait (-EAGAIN)
 * @in: what the request says, wherever it is by now
 *
 * Locking: lock.
 */
int locks_try(struct request *r, const struct fuse_lk_in *in)
{
	struct server *s = r->server;
	struct flock l = range_of(&in->lk);
	struct lock_owner *o;
	int error = 0;

	if (in->lk_flags & FUSE_LK_FLOCK)
		return try_flock(s, in);
	if (l.l_type == F_UNLCK && !find(s, request_node(r), in->owner))
		return 0;
	o = get(r, in, &error);
	if (!o)
		return error;
	if (fcntl(o->fd, F_OFD_SETLK, &l) < 0)
		return errno == EACCES ? -EAGAIN : -errno;
	if (l.l_type == F_WRLCK)
		return 0;
	pthread_cond_signal(&s->lock_table->changed);
	if (l.l_type == F_UNLCK && is_all(&in->lk)) {
		struct lock_owner **p = bucket_of(s, o->node);

		while (*p != o)
			p = &(*p)->next;
		end(s, p);
	}
	return 0;
}

/**
 * do_setlk() - SETLK: take a lock or let go of one, without waiting
 */
int do_setlk(struct request *r)
{
	struct server *s = r->server;
	int error;

	pthread_mutex_lock(&s->lock_table->lock);
	error = locks_try(r, r->arg);
	pthread_mutex_unlock(&s->lock_table->lock);
	if (error == 0)
		ask_again(s, request_node(r));
	return error;
}

/**
 * locks_init() - before the first request
 */
int locks_init(struct server *s)
{
	s->lock_table = zero_pages(sizeof(*s->lock_table));
	if (!s->lock_table)
		return -ENOMEM;
	pthread_mutex_init(&s->lock_table->lock, NULL);
	pthread_cond_init(&s->lock_table->changed, NULL);
	return pool_init(&s->lock_owners, sizeof(struct lock_owner), MAX_OWNERS,
			 &s->survivor->owners_top);
}

/**
 * locks_recover() - those that a server before this one had, and who waits for one
 */
void locks_recover(struct server *s)
{
	pool_recover(&s->lock_owners, recover, s);
	pthread_mutex_lock(&s->lock_table->lock);
	(void)locks_start_waiting(s); /* ends by itself if nobody does */
	pthread_mutex_unlock(&s->lock_table->lock);
}

static bool give_up(void *object, void *arg)
{
	struct lock_owner *o = object;
	int fd = o->fd;

	if (o->in_use != OWNER_MAGIC || fd < 0)
		return false;
	o->fd = -1;
	o->in_use = 0;
	close(fd);
	return false;
}

/**
 * locks_end() - the mount is no more: nobody has a lock of it, nor waits for one
 */
void locks_end(struct server *s)
{
	pthread_mutex_lock(&s->lock_table->lock);
	memset(s->lock_table->bucket, 0, sizeof(s->lock_table->bucket));
	atomic_store(&s->lock_table->owners, 0);
	pool_recover(&s->lock_owners, give_up, NULL);
	pthread_cond_signal(&s->lock_table->changed);
	pthread_mutex_unlock(&s->lock_table->lock);
}
