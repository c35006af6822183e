/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a request's number to the function that does it, and its answer back to the kernel.
 */
#include "config.h"
#include "ring.h"
#include "server.h"

#include "lib/sanitizer.h"

#include <errno.h>
#include <string.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

/* The ids with which a request is carried out: the caller's. */
enum as {
	AS_ANYBODY, /* ... or, without an image, what is shown as root, in no group that a file
		       has: nothing is made, and a member could leave S_ISGID when it writes */
	AS_MAKER,   /* ... which must have an image, because something is made that gets them */
	AS_ANY,	    /* ... or any: nothing is changed that asks whose they are */
};

#define NO_GROUP (ID_NONE - 1)

/* A request that outlives as many servers shall not take another with it. */
#define MAX_TRIES 3

struct handler {
	int (*run)(struct request *r);
	size_t arg; /* length of the structure after the header */
	enum as as;
};

static int do_nothing(struct request *r)
{
	return 0;
}

static const struct handler handlers[] = {
	[FUSE_LOOKUP] = { do_lookup, 1, AS_ANY },
	[FUSE_FORGET] = { do_forget, sizeof(struct fuse_forget_in), AS_ANY },
	[FUSE_GETATTR] = { do_getattr, sizeof(struct fuse_getattr_in), AS_ANY },
	[FUSE_SETATTR] = { do_setattr, sizeof(struct fuse_setattr_in) },
	[FUSE_READLINK] = { do_readlink },
	[FUSE_SYMLINK] = { do_symlink, 2, AS_MAKER },
	[FUSE_MKNOD] = { do_mknod, sizeof(struct fuse_mknod_in), AS_MAKER },
	[FUSE_MKDIR] = { do_mkdir, sizeof(struct fuse_mkdir_in), AS_MAKER },
	[FUSE_UNLINK] = { do_unlink, 1 },
	[FUSE_RMDIR] = { do_rmdir, 1 },
	[FUSE_RENAME] = { do_rename, sizeof(struct fuse_rename_in) },
	[FUSE_LINK] = { do_link, sizeof(struct fuse_link_in) },
	[FUSE_OPEN] = { do_open, sizeof(struct fuse_open_in) },
	[FUSE_READ] = { do_read, sizeof(struct fuse_read_in) },
	[FUSE_WRITE] = { do_write, sizeof(struct fuse_write_in) },
	[FUSE_STATFS] = { do_statfs },
	[FUSE_RELEASE] = { do_release, sizeof(struct fuse_release_in), AS_ANY },
	[FUSE_FSYNC] = { do_fsync, sizeof(struct fuse_fsync_in) },
	[FUSE_SETXATTR] = { do_setxattr, FUSE_COMPAT_SETXATTR_IN_SIZE },
	[FUSE_GETXATTR] = { do_getxattr, sizeof(struct fuse_getxattr_in), AS_ANY },
	[FUSE_LISTXATTR] = { do_listxattr, sizeof(struct fuse_getxattr_in) },
	[FUSE_REMOVEXATTR] = { do_removexattr, 1 },
	[FUSE_FLUSH] = { do_flush, sizeof(struct fuse_flush_in), AS_ANY },
	[FUSE_INIT] = { do_init, 16 }, /* as long as kernels before 5.17 have it */
	[FUSE_OPENDIR] = { do_opendir, sizeof(struct fuse_open_in) },
	[FUSE_READDIR] = { do_readdir, sizeof(struct fuse_read_in), AS_ANY },
	[FUSE_READDIRPLUS] = { do_readdirplus, sizeof(struct fuse_read_in), AS_ANY },
	[FUSE_RELEASEDIR] = { do_release, sizeof(struct fuse_release_in), AS_ANY },
	[FUSE_FSYNCDIR] = { do_fsyncdir, sizeof(struct fuse_fsync_in) },
	[FUSE_CREATE] = { do_create, sizeof(struct fuse_create_in), AS_MAKER },
	[FUSE_INTERRUPT] = { do_interrupt, sizeof(struct fuse_interrupt_in), AS_ANY },
	[FUSE_GETLK] = { do_getlk, sizeof(struct fuse_lk_in) },
	[FUSE_SETLK] = { do_setlk, sizeof(struct fuse_lk_in) },
	[FUSE_SETLKW] = { do_setlkw, sizeof(struct fuse_lk_in) },
	[FUSE_DESTROY] = { do_nothing },
	[FUSE_BATCH_FORGET] = { do_batch_forget, sizeof(struct fuse_batch_forget_in), AS_ANY },
	[FUSE_FALLOCATE] = { do_fallocate, sizeof(struct fuse_fallocate_in) },
	[FUSE_RENAME2] = { do_rename2, sizeof(struct fuse_rename2_in) },
	[FUSE_LSEEK] = { do_lseek, sizeof(struct fuse_lseek_in) },
	[FUSE_COPY_FILE_RANGE] = { do_copy_file_range, sizeof(struct fuse_copy_file_range_in) },
	[PROTO_TMPFILE] = { do_tmpfile, sizeof(struct fuse_create_in), AS_MAKER },
	[PROTO_STATX] = { do_statx, sizeof(struct proto_statx_in) },
	[PROTO_COPY_FILE_RANGE_64] = { do_copy_file_range_64,
				       sizeof(struct fuse_copy_file_range_in) },
};

/**
 * request_name() - a name that follows the request's structure
 * @offset: where it begins in the argument; moved behind it
 *
 * Return: 0; -EINVAL for what is no name of one entry: the kernel sends none of these.
 */
int request_name(const struct request *r, size_t *offset, const char **name)
{
	const char *p = (const char *)r->arg + *offset;
	const char *end = *offset < r->len ? memchr(p, '\0', r->len - *offset) : NULL;

	if (!end || end == p || strchr(p, '/') || !strcmp(p, ".") || !strcmp(p, ".."))
		return -EINVAL;
	*offset += end + 1 - p;
	*name = p;
	return 0;
}

/**
 * request_new_entry() - a name that is to be made in the directory that the request is about
 *
 * Return: a descriptor of the directory, good until the answer.
 */
int request_new_entry(struct request *r, size_t *offset, const char **name)
{
	int error = request_name(r, offset, name), dir;

	if (error == 0 && hide_has(&r->server->hide, request_node(r), *name))
		error = -EPERM;
	dir = error < 0 ? error : request_fd(r);
	if (dir >= 0 && hide_has_alias(&r->server->hide, request_node(r), dir, *name))
		return -EPERM;
	return dir;
}

/**
 * request_node() - the node that a request is about
 */
struct node *request_node(const struct request *r)
{
	return node_of(&r->server->nodes, r->in->nodeid);
}

/**
 * request_hold() - a descriptor of @n that is good until the request is answered
 */
int request_hold(struct request *r, struct node *n)
{
	int fd = node_hold(&r->server->nodes, n);

	if (fd >= 0)
		r->held[r->n_held++] = n;
	return fd;
}

/**
 * request_fd() - a descriptor of the node that a request is about
 */
int request_fd(struct request *r)
{
	return request_hold(r, request_node(r));
}

/* Return: -EOVERFLOW if the caller's ids have no image and are needed. */
static int become(struct request *r, enum as as)
{
	const struct id_maps *maps = &r->server->maps;
	uint32_t uid = id_map_outside(&maps->uids, r->in->uid);
	uint32_t gid = id_map_outside(&maps->gids, r->in->gid);

	if (r->server->as || as == AS_ANY)
		return 0;
	if (uid == ID_NONE || gid == ID_NONE) {
		if (as == AS_MAKER)
			return -EOVERFLOW;
		uid = id_map_outside(&maps->uids, 0);
		gid = NO_GROUP;
	}
	creds_ids(&r->worker->creds, uid == ID_NONE ? 0 : uid, gid);
	return 0;
}

/**
 * become_maker() - the request makes something after all
 */
int become_maker(struct request *r)
{
	return become(r, AS_MAKER);
}

static void take_back_opened(struct server *s, struct open_file *f)
{
	if (S_ISDIR(node_type(f->node)))
		dir_closed(s, f->node);
	else
		passthrough_close(s, f->node);
	open_file_free(s, f);
}

/* The kernel knows nothing of what the answer told. */
static void take_back(struct request *r)
{
	if (r->plus)
		take_back_plus(r);
	if (r->opened)
		take_back_opened(r->server, r->opened);
	if (r->entry) /* of which the open file is */
		node_forget(&r->server->nodes, r->entry, 1);
}

static void answer(struct request *r, int error)
{
	struct fuse_out_header head = { .error = error, .unique = r->in->unique };
	struct iovec iov[] = { { &head, sizeof(head) }, { (void *)r->out, r->out_len } };

	head.len = sizeof(head) + (error ? 0 : r->out_len);
	sanitizer_answered(r->server);
	if (r->worker->ring) {
		ring_answer(r->worker, &head, r->out, error ? 0 : r->out_len);
		if (error)
			take_back(r);
		return;
	}
	if (writev(r->server->fuse_fd, iov, error || !r->out_len ? 1 : 2) < 0 || error)
		take_back(r);
}

static int run(struct request *r)
{
	const struct handler *h = NULL;
	int error;

	if (r->in->opcode < sizeof(handlers) / sizeof(*handlers))
		h = &handlers[r->in->opcode];
	if (!h || !h->run)
		return -ENOSYS;
	if (r->len < h->arg)
		return -EINVAL;
	error = become(r, h->as);
	return error < 0 ? error : h->run(r);
}

static bool is_forget(const struct request *r)
{
	return r->in->opcode == FUSE_FORGET || r->in->opcode == FUSE_BATCH_FORGET;
}

/* A request that a server before this one had. Return: its result if that is known, else 1. */
static int resume(struct request *r)
{
	r->again = r->slot->started;
	r->done = r->slot->done;
	if (++r->slot->tries > MAX_TRIES) /* it may be what kills us */
		return -EIO;
	if (is_forget(r) && r->again) {
		r->no_reply = true;
		return -EIO;
	}
	return r->done && r->slot->error < 0 ? r->slot->error : 1;
}

/* Marks the request in the memory that outlives us, so that it is not done twice. */
static int run_marked(struct request *r)
{
	struct slot *slot = r->slot;
	int error;

	if (!r->again)
		slot->when = time(NULL);
	__atomic_store_n(&slot->started, 1, __ATOMIC_RELEASE);
	error = run(r);
	slot->error = error;
	__atomic_store_n(&slot->done, 1, __ATOMIC_RELEASE);
	return error;
}

static void clear(struct slot *slot)
{
	struct fuse_in_header *in = (void *)slot->in;

	__atomic_store_n(&in->len, 0, __ATOMIC_RELEASE);
	slot->started = slot->done = slot->tries = 0;
	slot->aux = 0;
}

/* What the kernel may do as soon as it has the answer must find everything in order. */
static void finish(struct request *r, int error)
{
	struct server *s = r->server;

	for (int i = 0; i < r->n_held; i++)
		node_drop_later(&s->nodes, r->held[i]);
	atomic_thread_fence(memory_order_seq_cst);
	if (!r->no_reply)
		answer(r, error);
	clear(r->slot);
	if (r->closed)
		open_file_free(s, r->closed);
}

/**
 * dispatch() - do the request that the worker has read, and answer it
 * @len: its length
 * @again: a server before this one had it in hand
 */
void dispatch(struct worker *w, size_t len, bool again)
{
	struct request r = { .worker = w,
			     .server = w->server,
			     .slot = w->slot,
			     .in = (const void *)w->in,
			     .arg = w->in + sizeof(struct fuse_in_header) };
	size_t after = r.in->total_extlen * (size_t)8;
	uint32_t opcode = r.in->opcode;
	int error;

	sanitizer_asked(w->server);
	if (len < sizeof(struct fuse_in_header) + after)
		r.no_reply = true; /* never seen; there is no answer to what is no request */
	else
		r.len = len - sizeof(struct fuse_in_header) - after;
	error = r.no_reply ? -EINVAL : again ? resume(&r) : 1;
	if (error == 1)
		error = run_marked(&r);
	finish(&r, error);
	if (error == 0 && opcode == FUSE_INIT)
		init_done(w->server);
	if ((r.entry || r.plus) && prune_is_due(w->server)) {
		if (w->ring)
			ring_send(w);
		prune(w->server);
	}
}
