/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Removing and renaming. Nodes are not touched by it: they are inodes.
 */
#include "config.h"
#include "server.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef RENAME_WHITEOUT
#define RENAME_WHITEOUT (1 << 2)
#endif

static int remove_entry(struct request *r, int flags)
{
	size_t offset = 0;
	const char *name;
	int error = request_name(r, &offset, &name);

	if (error < 0)
		return error;
	if (hide_has(&r->server->hide, request_node(r), name))
		return -ENOENT;
	return unlinkat(request_node(r)->fd, name, flags) < 0 ? -errno : 0;
}

int do_unlink(struct request *r)
{
	return remove_entry(r, 0);
}

int do_rmdir(struct request *r)
{
	return remove_entry(r, AT_REMOVEDIR);
}

static int rename_entry(struct request *r, size_t offset, uint64_t newdir, unsigned int flags)
{
	const struct node *to = node_of(&r->server->nodes, newdir);
	const char *old, *new;
	int error = request_name(r, &offset, &old);

	if (error == 0)
		error = request_name(r, &offset, &new);
	if (error < 0)
		return error;
	if (hide_has(&r->server->hide, request_node(r), old))
		return -ENOENT;
	if (hide_has(&r->server->hide, to, new))
		return -EPERM;
	/* by number: an older C library refuses the flags that it does not know */
	return syscall(SYS_renameat2, request_node(r)->fd, old, to->fd, new, flags) < 0 ? -errno
											: 0;
}

int do_rename(struct request *r)
{
	const struct fuse_rename_in *in = r->arg;

	return rename_entry(r, sizeof(*in), in->newdir, 0);
}

int do_rename2(struct request *r)
{
	const struct fuse_rename2_in *in = r->arg;

	/* this makes an inode: with the caller's ids */
	if (in->flags & RENAME_WHITEOUT) {
		int error = become_maker(r);

		if (error < 0)
			return error;
	}
	return rename_entry(r, sizeof(*in), in->newdir, in->flags);
}
