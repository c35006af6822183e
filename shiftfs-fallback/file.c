/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Open files. Their descriptors outlive the server (survive.c), so that the kernel can go on using
 * what it was told.
 */
#include "config.h"
#include "server.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

/* The most that one system call copies, and that fits into the 32-bit answer. */
#define COPY_MAX 0x7ffff000u

/* Of an entry of the pool in use: no descriptor looks like what the pool writes there. */
#define OPEN_MAGIC 0x6e65706fu

/**
 * open_file_new() - an open file or directory
 * @fd: taken over, whatever the result
 */
struct open_file *open_file_new(struct server *s, struct node *n, int fd)
{
	struct open_file *f = pool_alloc(&s->files);

	if (!f) {
		close(fd);
		return NULL;
	}
	*f = (struct open_file){ .fd = fd, .node = n };
	__atomic_store_n(&f->in_use, OPEN_MAGIC, __ATOMIC_RELEASE);
	return f;
}

/* Marked first: a server after this one must not close what may be another file's by then. */
static void open_file_close(struct open_file *f)
{
	int fd = f->fd;

	f->fd = -1;
	if (fd >= 0)
		close(fd);
}

/**
 * open_file_free() - the last of an open file
 */
void open_file_free(struct server *s, struct open_file *f)
{
	open_file_close(f);
	f->in_use = 0;
	pool_free(&s->files, f);
}

static bool recover(void *object, void *arg)
{
	const struct open_file *f = object;

	if (f->in_use != OPEN_MAGIC)
		return false;
	if (f->fd >= 0 && S_ISDIR(node_type(f->node)))
		f->node->opens++;
	return true;
}

/**
 * open_files_recover() - those that a server before this one had
 */
void open_files_recover(struct server *s)
{
	pool_recover(&s->files, recover, NULL);
}

static bool give_up(void *object, void *arg)
{
	struct open_file *f = object;

	if (f->in_use == OPEN_MAGIC)
		open_file_close(f);
	f->in_use = 0;
	return false;
}

/**
 * open_files_end() - the mount is no more
 */
void open_files_end(struct server *s)
{
	pool_recover(&s->files, give_up, NULL);
}

/**
 * open_file_fd() - descriptor of the backing file
 */
int open_file_fd(uint64_t fh)
{
	return ((const struct open_file *)(uintptr_t)fh)->fd;
}

/**
 * open_flags() - what of a caller's flags is for the backing
 *
 * O_APPEND is told with each write. O_DIRECT is left out: our buffers are not aligned to what the
 * backing may want.
 */
int open_flags(uint32_t flags)
{
	return (flags & (O_ACCMODE | O_TRUNC | O_SYNC | O_DSYNC | O_NOATIME)) | O_CLOEXEC |
	       O_NOCTTY;
}

/**
 * open_appends() - whether to try again with O_APPEND
 * @error: of opening without it
 * @flags: the caller's
 *
 * A file that can only be appended to (chattr +a in the source) is opened in no other way, and its
 * openers can not take the flag back.
 */
bool open_appends(int error, uint32_t flags)
{
	return error == -EPERM && flags & O_APPEND;
}

/**
 * reopen() - open the inode that @fd refers to
 *
 * The caller has made sure that it is a regular file, or asks for O_PATH.
 */
int reopen(const struct server *s, int fd, int flags)
{
	char name[16];
	int new;

	snprintf(name, sizeof(name), "%d", fd);
	new = openat(s->proc_fd, name, flags | O_CLOEXEC);
	return new < 0 ? -errno : new;
}

/**
 * file_reply() - tell the kernel of an open file
 * @fd: taken over
 * @flags: with which the caller opened it
 * @mode: of the file
 *
 * A close has something to tell us only if there may be locks of its process.
 */
int file_reply(struct request *r, struct node *n, int fd, uint32_t flags, uint32_t mode,
	       struct fuse_open_out *out)
{
	struct server *s = r->server;
	struct open_file *f = open_file_new(s, n, fd);
	bool read_only = (flags & O_ACCMODE) == O_RDONLY;

	if (!f)
		return -ENOMEM;
	r->opened = f;
	*out = (struct fuse_open_out){ .fh = (uintptr_t)f };
	if (read_only || !s->locks)
		out->open_flags = FOPEN_NOFLUSH;
	if (passthrough_open(r, n, fd, read_only || !(mode & (S_ISUID | S_ISGID)), out))
		return 0;
	if (s->cache == CACHE_STRICT)
		out->open_flags |= FOPEN_DIRECT_IO | FOPEN_PARALLEL_DIRECT_WRITES;
	else if (s->cache == CACHE_ALWAYS)
		out->open_flags |= FOPEN_KEEP_CACHE;
	return 0;
}

/*
 * Whether somebody else has removed the file, and the name that the caller opened it by is but
 * remembered. The kernel asks for the name again then: a database must not write to a journal
 * that has been removed.
 */
static bool is_stale(const struct node *n, const struct stat *st)
{
	return !n->orphan && st->st_nlink == 0;
}

/**
 * do_open() - OPEN of a regular file, by its inode
 */
int do_open(struct request *r)
{
	const struct fuse_open_in *in = r->arg;
	struct node *n = request_node(r);
	struct fuse_open_out *out = &r->reply.open;
	struct stat st;
	int fd, error;

	if (!S_ISREG(node_type(n)))
		return -ENXIO;
	if (in->flags & O_TRUNC)
		creds_fsetid(&r->worker->creds, !(in->open_flags & FUSE_OPEN_KILL_SUIDGID));
	fd = node_open(&r->server->nodes, n, open_flags(in->flags));
	if (open_appends(fd, in->flags))
		fd = node_open(&r->server->nodes, n, open_flags(in->flags) | O_APPEND);
	if (fd >= 0 && (fstat(fd, &st) < 0 || is_stale(n, &st))) {
		close(fd);
		fd = -ESTALE;
	}
	if (fd < 0)
		return fd;
	if ((in->flags & O_ACCMODE) != O_RDONLY)
		ask_again(r->server, n);
	error = file_reply(r, n, fd, in->flags, st.st_mode, out);
	return error < 0 ? error : reply_with(r, out, sizeof(*out));
}

static struct open_file *file_of(uint64_t fh)
{
	return (struct open_file *)(uintptr_t)fh;
}

/**
 * do_release() - RELEASE and RELEASEDIR: the last of an open file or directory
 */
int do_release(struct request *r)
{
	const struct fuse_release_in *in = r->arg;
	struct open_file *f = file_of(in->fh);

	r->closed = f; /* it can be another one when this was answered, not before */
	if (f->fd < 0) /* done before (survive.c) */
		return 0;
	if (r->in->opcode == FUSE_RELEASE) {
		passthrough_close(r->server, f->node);
		locks_release(r->server, f, in->release_flags & FUSE_RELEASE_FLOCK_UNLOCK);
	} else {
		dir_closed(r->server, f->node);
	}
	open_file_close(f);
	return 0;
}

/**
 * do_read() - READ
 */
int do_read(struct request *r)
{
	const struct fuse_read_in *in = r->arg;
	size_t size = in->size < MAX_IO ? in->size : MAX_IO;
	ssize_t n = pread(file_of(in->fh)->fd, r->worker->out, size, in->offset);

	return n < 0 ? -errno : reply_with(r, r->worker->out, n);
}

/* Whether a server before this one has put it where the kernel believed the end of the file. */
static bool appended_before(const struct request *r, const struct fuse_write_in *in)
{
	char *there = r->worker->out;

	if (r->done)
		return true;
	return r->again && in->flags & O_APPEND && in->size > 0 && in->size <= MAX_IO &&
	       pread(file_of(in->fh)->fd, there, in->size, in->offset) == (ssize_t)in->size &&
	       memcmp(there, in + 1, in->size) == 0;
}

/**
 * do_write() - WRITE
 */
int do_write(struct request *r)
{
	const struct fuse_write_in *in = r->arg;
	struct iovec iov = { (void *)(in + 1), in->size };
	struct fuse_write_out *out = &r->reply.write;
	ssize_t n;

	if (r->len - sizeof(*in) < in->size)
		return -EINVAL;
	creds_fsetid(&r->worker->creds, !(in->write_flags & FUSE_WRITE_KILL_SUIDGID));
	n = appended_before(r, in) ? (ssize_t)in->size
				   : pwritev2(file_of(in->fh)->fd, &iov, 1, in->offset,
					      in->flags & O_APPEND ? RWF_APPEND : 0);
	if (n < 0)
		return -errno;
	*out = (struct fuse_write_out){ .size = n };
	return reply_with(r, out, sizeof(*out));
}

/* Nothing is held back here that a close could fail to write; but it takes the process's locks. */
int do_flush(struct request *r)
{
	const struct fuse_flush_in *in = r->arg;

	locks_flush(r->server, request_node(r), in->lock_owner);
	return 0;
}

/**
 * do_fsync() - FSYNC
 */
int do_fsync(struct request *r)
{
	const struct fuse_fsync_in *in = r->arg;
	int fd = file_of(in->fh)->fd;
	int error = in->fsync_flags & FUSE_FSYNC_FDATASYNC ? fdatasync(fd) : fsync(fd);

	return error < 0 ? -errno : 0;
}

/**
 * do_fallocate() - FALLOCATE
 */
int do_fallocate(struct request *r)
{
	const struct fuse_fallocate_in *in = r->arg;

	keep_suid(r, file_of(in->fh)->fd, keeps_suid(r));
	return fallocate(file_of(in->fh)->fd, in->mode, in->offset, in->length) < 0 ? -errno : 0;
}

/**
 * do_lseek() - LSEEK: only SEEK_DATA and SEEK_HOLE get here
 */
int do_lseek(struct request *r)
{
	const struct fuse_lseek_in *in = r->arg;
	struct fuse_lseek_out *out = &r->reply.lseek;
	off_t offset = lseek(file_of(in->fh)->fd, in->offset, in->whence);

	if (offset < 0)
		return -errno;
	*out = (struct fuse_lseek_out){ .offset = offset };
	return reply_with(r, out, sizeof(*out));
}

static ssize_t copy(struct request *r)
{
	const struct fuse_copy_file_range_in *in = r->arg;
	off_t from = in->off_in, to = in->off_out;
	ssize_t n;

	keep_suid(r, file_of(in->fh_out)->fd, keeps_suid(r));
	n = copy_file_range(file_of(in->fh_in)->fd, &from, file_of(in->fh_out)->fd, &to,
			    in->len < COPY_MAX ? in->len : COPY_MAX, in->flags);
	if (n < 0)
		return -errno;
	ask_again_accessed(r->server, request_node(r));
	return n;
}

/**
 * do_copy_file_range() - COPY_FILE_RANGE, at most COPY_MAX bytes at a time
 */
int do_copy_file_range(struct request *r)
{
	struct fuse_write_out *out = &r->reply.write;
	ssize_t n = copy(r);

	if (n < 0)
		return n;
	*out = (struct fuse_write_out){ .size = n };
	return reply_with(r, out, sizeof(*out));
}

/**
 * do_copy_file_range_64() - COPY_FILE_RANGE_64: the same with an answer of 64 bits
 */
int do_copy_file_range_64(struct request *r)
{
	struct proto_copy_file_range_out *out = &r->reply.copy;
	ssize_t n = copy(r);

	if (n < 0)
		return n;
	*out = (struct proto_copy_file_range_out){ .bytes_copied = n };
	return reply_with(r, out, sizeof(*out));
}
