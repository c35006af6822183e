/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Open directories. The positions that the backing gives to entries are passed on as they are, so
 * that seekdir(3) works however the directory has changed since.
 */
#include "config.h"
#include "server.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define DIR_BUF (32 * 1024)

struct open_dir {
	int fd;
	pthread_mutex_t
		lock;  /* held while the directory is read: one reader at a time, as natively */
	uint64_t next; /* position of what is at .pos */
	size_t pos, len;
	char buf[DIR_BUF] __attribute__((aligned(8)));
};

/**
 * open_dir_free() - the last of an open directory
 */
void open_dir_free(struct open_dir *d)
{
	close(d->fd);
	pthread_mutex_destroy(&d->lock);
	free(d);
}

int do_opendir(struct request *r)
{
	struct fuse_open_out *out = &r->reply.open;
	struct open_dir *d = malloc(sizeof(*d));

	if (!d)
		return -ENOMEM;
	d->fd = openat(request_node(r)->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (d->fd < 0) {
		free(d);
		return -errno;
	}
	pthread_mutex_init(&d->lock, NULL);
	d->next = d->pos = d->len = 0;
	r->opened_dir = d;
	*out = (struct fuse_open_out){ .fh = (uintptr_t)d };
	return reply_with(r, out, sizeof(*out));
}

int do_releasedir(struct request *r)
{
	const struct fuse_release_in *in = r->arg;

	open_dir_free((struct open_dir *)(uintptr_t)in->fh);
	return 0;
}

int do_fsyncdir(struct request *r)
{
	const struct fuse_fsync_in *in = r->arg;
	const struct open_dir *d = (void *)(uintptr_t)in->fh;
	int error = in->fsync_flags & FUSE_FSYNC_FDATASYNC ? fdatasync(d->fd) : fsync(d->fd);

	return error < 0 ? -errno : 0;
}

/* Locking: @d->lock. Return: the entry at .pos, or NULL at the end; *error on failure. */
static const struct dirent64 *current(struct open_dir *d, int *error)
{
	long n;

	if (d->pos < d->len)
		return (const void *)(d->buf + d->pos);
	n = syscall(SYS_getdents64, d->fd, d->buf, sizeof(d->buf));
	d->pos = 0;
	d->len = n > 0 ? n : 0;
	*error = n < 0 ? -errno : 0;
	return n > 0 ? (const void *)d->buf : NULL;
}

/* Number and type as LOOKUP would tell them. */
static void complete(struct server *s, const struct open_dir *d, const struct dirent64 *e,
		     struct fuse_dirent *out)
{
	bool dots = !strcmp(e->d_name, ".") || !strcmp(e->d_name, "..");
	struct node_stat st;

	if (out->type != DT_UNKNOWN && (dots || !node_numbers_differ(&s->nodes)))
		return;
	if (node_stat_at(d->fd, e->d_name, &st) < 0)
		return; /* gone meanwhile */
	out->ino = node_number(&s->nodes, st.dev, st.x.stx_ino);
	out->type = IFTODT(st.x.stx_mode);
}

/* Return: how much of @room the entry took; 0 if it does not fit. */
static size_t put(struct server *s, const struct open_dir *d, const struct dirent64 *e, char *at,
		  size_t room)
{
	struct fuse_dirent head = {
		.ino = e->d_ino, .off = e->d_off, .namelen = strlen(e->d_name), .type = e->d_type
	};
	size_t len = FUSE_NAME_OFFSET + head.namelen, whole = FUSE_DIRENT_ALIGN(len);

	if (whole > room)
		return 0;
	complete(s, d, e, &head);
	memcpy(at, &head, FUSE_NAME_OFFSET);
	memcpy(at + FUSE_NAME_OFFSET, e->d_name, head.namelen);
	memset(at + len, 0, whole - len);
	return whole;
}

/* Locking: @d->lock. */
static int seek(struct open_dir *d, uint64_t offset)
{
	if (offset == d->next)
		return 0;
	if (lseek(d->fd, offset, SEEK_SET) < 0)
		return -errno;
	d->next = offset;
	d->pos = d->len = 0;
	return 0;
}

/* Locking: @d->lock. Return: how much of @size was filled, or -errno. */
static ssize_t fill(struct server *s, const struct node *dir, struct open_dir *d, char *out,
		    size_t size)
{
	const struct dirent64 *e;
	size_t used = 0, n;
	int error = 0;

	while ((e = current(d, &error))) {
		n = hide_has(&s->hide, dir, e->d_name) ? 0 : put(s, d, e, out + used, size - used);
		if (!n && !hide_has(&s->hide, dir, e->d_name))
			break;
		used += n;
		d->next = e->d_off;
		d->pos += e->d_reclen;
	}
	return used ? (ssize_t)used : error;
}

int do_readdir(struct request *r)
{
	const struct fuse_read_in *in = r->arg;
	struct open_dir *d = (struct open_dir *)(uintptr_t)in->fh;
	size_t size = in->size < MAX_IO ? in->size : MAX_IO;
	ssize_t n;

	pthread_mutex_lock(&d->lock);
	n = seek(d, in->offset);
	if (n == 0)
		n = fill(r->server, request_node(r), d, r->worker->out, size);
	pthread_mutex_unlock(&d->lock);
	return n < 0 ? n : reply_with(r, r->worker->out, n);
}
