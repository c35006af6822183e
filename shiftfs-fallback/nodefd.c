/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Descriptors of nodes. Who needs one holds the node; the last holder closes it. A node that was
 * used is held a while longer, because the next request is often about the same one.
 *
 * An inode that loses its last name cannot be opened by its handle any more, though the kernel may
 * still use it (a working directory, O_PATH): it is pinned before (move.c).
 */
#include "config.h"
#include "node.h"
#include "nodefd.h"
#include "lib/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct handle {
	struct file_handle head;
	unsigned char bytes[NODE_HANDLE];
};

/**
 * node_handle() - put the handle of @fd into @n, or none if it is too long
 */
void node_handle(int fd, struct node *n)
{
	struct handle h = { .head.handle_bytes = NODE_HANDLE };
	int mount_id;

	if (name_to_handle_at(fd, "", &h.head, &mount_id, AT_EMPTY_PATH) < 0)
		return;
	memcpy(n->handle, h.head.f_handle, h.head.handle_bytes);
	n->handle_len = h.head.handle_bytes;
	n->handle_type = h.head.handle_type;
}

/*
 * While a new inode gets the number of one that was removed, ext4 and others have no other error
 * for the old one's handle than ENOMEM (iget_locked() in fs/inode.c, of one that is being created).
 * A moment later it is ESTALE; what stays is memory that lacks.
 */
#define MOMENTS	  100
#define MOMENT_NS 1000000

/**
 * node_open_handle() - open a node by its handle
 */
int node_open_handle(int mount_fd, const struct node *n, int flags)
{
	struct handle h = { .head.handle_bytes = n->handle_len,
			    .head.handle_type = n->handle_type };
	struct timespec moment = { .tv_nsec = MOMENT_NS };
	int fd;

	if (!n->handle_len)
		return -ESTALE;
	memcpy(h.head.f_handle, n->handle, n->handle_len);
	for (int i = 0; i < MOMENTS; i++) {
		fd = open_by_handle_at(mount_fd, &h.head, flags | O_CLOEXEC);
		if (fd >= 0 || errno != ENOMEM)
			break;
		nanosleep(&moment, NULL);
		errno = ENOMEM;
	}
	return fd < 0 ? -errno : fd;
}

/**
 * node_hold() - an O_PATH descriptor of @n, until node_drop_later()
 *
 * Return: a descriptor, which stays the node's; -ESTALE if somebody has removed it meanwhile.
 */
int node_hold(struct node_table *t, struct node *n)
{
	autofd fresh = -1;
	int fd;

	node_lock(t, n);
	fd = n->fd;
	if (fd >= 0)
		n->holds++;
	node_unlock(t, n);
	if (fd >= 0)
		return fd;
	fresh = node_open_handle(t->mount_fd, n, O_PATH | O_NOFOLLOW);
	if (fresh < 0)
		return fresh;
	node_lock(t, n);
	if (n->fd < 0)
		n->fd = fd_steal(&fresh);
	fd = n->fd;
	n->holds++;
	node_unlock(t, n);
	return fd;
}

/* The end of node_hold(). */
static void node_drop(struct node_table *t, struct node *n)
{
	node_put(t, n, 1, 0);
}

/**
 * node_drop_later() - the end of node_hold(), but the descriptor may soon be needed again
 */
void node_drop_later(struct node_table *t, struct node *n)
{
	struct node *out = n, **place;

	if (n->pinned) {
		node_drop(t, n);
		return;
	}
	pthread_mutex_lock(&t->recent_lock);
	if (!n->recent) {
		place = &t->recent[t->recent_hand % NODE_RECENT];
		out = *place;
		if (out)
			out->recent = 0;
		*place = n;
		n->recent = t->recent_hand % NODE_RECENT + 1;
		t->recent_hand++;
	}
	pthread_mutex_unlock(&t->recent_lock);
	if (out)
		node_drop(t, out);
}

/**
 * node_not_recent() - the descriptor will not soon be needed again
 */
void node_not_recent(struct node_table *t, struct node *n)
{
	bool was;

	pthread_mutex_lock(&t->recent_lock);
	was = n->recent;
	if (was)
		t->recent[n->recent - 1] = NULL;
	n->recent = 0;
	pthread_mutex_unlock(&t->recent_lock);
	if (was)
		node_drop(t, n);
}

/**
 * node_open() - open the very inode, which is a regular file or a directory
 *
 * Return: a descriptor of the caller's, or -errno.
 */
int node_open(struct node_table *t, struct node *n, int flags)
{
	char name[16];
	int fd, new;

	if (!n->pinned) {
		fd = node_open_handle(t->mount_fd, n, flags);
		if (fd != -ESTALE)
			return fd;
	}
	fd = node_hold(t, n);
	if (fd < 0)
		return fd;
	snprintf(name, sizeof(name), "%d", fd);
	new = openat(t->proc_fd, name, flags | O_CLOEXEC);
	if (new < 0)
		new = -errno;
	node_drop(t, n);
	return new;
}
