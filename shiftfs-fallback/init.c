/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The first request: what kernel and server can do.
 */
#include "config.h"
#include "process.h"
#include "ring.h"
#include "server.h"

#include <errno.h>
#include <string.h>

/*
 * DONT_MASK: only the backing knows its default ACLs. HANDLE_KILLPRIV_V2: the kernel says when suid
 * bits are to be cleared, and asks for no capabilities before each write. Not FUSE_ATOMIC_O_TRUNC:
 * then a program that runs is truncated by who opens it with O_RDONLY | O_TRUNC, before the kernel
 * finds that it is ETXTBSY. Not READDIRPLUS_AUTO, with which the kernel wants attributes only of
 * the first names of a directory: who wants any (find, rm, grep, tar) reads all names first.
 */
static const uint64_t wanted = FUSE_ASYNC_READ | FUSE_BIG_WRITES | FUSE_DONT_MASK |
			       FUSE_AUTO_INVAL_DATA | FUSE_ASYNC_DIO | FUSE_PARALLEL_DIROPS |
			       FUSE_DO_READDIRPLUS | FUSE_HANDLE_KILLPRIV_V2 | FUSE_POSIX_ACL |
			       FUSE_MAX_PAGES | PROTO_SETXATTR_EXT | PROTO_INIT_EXT |
			       PROTO_DIRECT_IO_ALLOW_MMAP | PROTO_NO_EXPORT_SUPPORT;

static uint64_t negotiate(struct server *s, const struct request *r)
{
	struct fuse_init_in in = { 0 };
	uint64_t has, want = wanted;

	memcpy(&in, r->arg, r->len < sizeof(in) ? r->len : sizeof(in));
	has = in.flags;
	if (has & PROTO_INIT_EXT)
		has |= (uint64_t)in.flags2 << 32;
	if (s->mode == MODE_IDMAPPED)
		want |= PROTO_ALLOW_IDMAP;
	if (s->cache != CACHE_STRICT)
		want |= FUSE_CACHE_SYMLINKS;
	s->minor = in.minor;
	s->setxattr_ext = has & PROTO_SETXATTR_EXT;
	s->passthrough = s->use_passthrough && !s->as && has & PROTO_PASSTHROUGH;
	s->locks = s->use_locks && has & FUSE_POSIX_LOCKS;
	if (s->passthrough)
		want |= PROTO_PASSTHROUGH;
	if (s->use_rings && !s->process->survive && has & PROTO_OVER_IO_URING && rings_prepare(s))
		want |= PROTO_OVER_IO_URING;
	if (s->locks)
		want |= FUSE_POSIX_LOCKS | FUSE_FLOCK_LOCKS;
	s->survivor->minor = s->minor;
	s->survivor->setxattr_ext = s->setxattr_ext;
	s->survivor->passthrough = s->passthrough;
	s->survivor->locks = s->locks;
	return has & want;
}

/**
 * init_done() - the kernel has the answer to INIT: the file system can be used
 */
void init_done(struct server *s)
{
	__atomic_store_n(&s->survivor->initialized, true, __ATOMIC_SEQ_CST);
	if (s->rings)
		rings_go(s);
	process_ready(s->process);
}

/**
 * do_init() - INIT: what this connection can do; noted for a server after this one too
 */
int do_init(struct request *r)
{
	const struct fuse_init_in *in = r->arg;
	struct fuse_init_out *out = &r->reply.init;
	uint64_t flags;
	uint32_t depth;

	if (in->major != FUSE_KERNEL_VERSION)
		return -EPROTO;
	flags = negotiate(r->server, r);
	/* how many file systems may lie over another: a backing that is an overlay is two */
	depth = r->server->nodes.overlay ? 2 : 1;
	*out = (struct fuse_init_out){ .major = FUSE_KERNEL_VERSION,
				       .minor = PROTO_MINOR,
				       .max_readahead = in->max_readahead,
				       .flags = flags,
				       .flags2 = flags >> 32,
				       .max_background = 64,
				       .congestion_threshold = 48,
				       .max_write = MAX_IO,
				       .time_gran = 1,
				       .max_pages = MAX_IO / 4096 };
	if (r->server->passthrough)
		proto_set_stack_depth(out, depth);
	return reply_with(r, out, sizeof(*out));
}
