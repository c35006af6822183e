/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The size that the kernel believes a file has.
 *
 * As in procfs it begins with 0, and read(2) does not care. But since Linux 6.5 sendfile(2) and
 * splice(2) of a FUSE file go through the page cache and end at that size, direct I/O or not:
 * `busybox cat`, which copies with sendfile, would print nothing. So at an open the kernel is told
 * the length of the text (filemap_splice_read() in mm/filemap.c asks for it).
 *
 * There is no call to set a size; a FUSE_NOTIFY_STORE of the last byte raises it to there
 * (fuse_notify_store() in fs/fuse/dev.c). It falls only when a read through the page cache finds
 * the end of a text (fuse_short_read() in fs/fuse/file.c), which is no shorter than the shortest
 * text opened since: while texts keep their length, nothing has to be sent. To have it forgotten at
 * the last close (FUSE_NOTIFY_INVAL_INODE) would cost every open a GETATTR.
 */
#include "config.h"
#include "sizes.h"
#include "tree.h"

#include <linux/fuse.h>
#include <pthread.h>
#include <stdbool.h>
#include <sys/uio.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static size_t at_least[TREE_NODES_MAX]; /* lock: the kernel's size is this or more */

/* ENOENT: the kernel has let go of the inode meanwhile. */
static bool store_last_byte(int fuse_fd, uint64_t ino, const char *text, size_t len)
{
	struct fuse_notify_store_out store = { .nodeid = ino, .offset = len - 1, .size = 1 };
	struct fuse_out_header head = { .len = sizeof(head) + sizeof(store) + 1,
					.error = FUSE_NOTIFY_STORE };
	struct iovec iov[] = { { &head, sizeof(head) },
			       { &store, sizeof(store) },
			       { (void *)(text + len - 1), 1 } };

	return writev(fuse_fd, iov, 3) >= 0;
}

/**
 * size_opened() - a file was opened and holds the @len bytes of @text
 */
void size_opened(int fuse_fd, uint64_t ino, const char *text, size_t len)
{
	bool raise;

	if (len == 0 || ino >= TREE_NODES_MAX)
		return;
	pthread_mutex_lock(&lock);
	raise = at_least[ino] < len;
	at_least[ino] = len;
	pthread_mutex_unlock(&lock);
	if (raise)
		store_last_byte(fuse_fd, ino, text, len);
}

/**
 * size_now() - what stat(2) is to show: a size that the kernel asks for must not undo the above
 */
size_t size_now(uint64_t ino)
{
	size_t len;

	pthread_mutex_lock(&lock);
	len = at_least[ino];
	pthread_mutex_unlock(&lock);
	return len;
}
