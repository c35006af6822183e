/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The size that the kernel believes a file has.
 *
 * stat(2) shows 0, as for procfs, and read(2) of a direct-I/O file does not care. But since Linux
 * 6.5 sendfile(2) and splice(2) of a FUSE file go through the page cache and end at the inode's
 * size, direct I/O or not (filemap_splice_read() in mm/filemap.c): `busybox cat`, which copies with
 * sendfile, would print nothing. So the inode gets the size of the longest text that was opened,
 * and stat does not learn it:
 *
 *  - FUSE_NOTIFY_STORE of a text's last byte raises the inode's size, counts as a change of its
 *    attributes, and has the kernel ask for the size at the next stat - but not at an open, which
 *    only wants mode and owner (fuse_notify_store(), fuse_write_update_attr()).
 *  - stat(2) shows what the answer to GETATTR says; the inode keeps what it has if it was changed
 *    after the question was asked (fuse_do_getattr(), fuse_change_attributes()). So before the
 *    answer, which says 0, the kernel is told of a change: nothing is stored far behind the end.
 *  - The size falls to where a read through the page cache finds the end (fuse_short_read()),
 *    unless a change came after that read was asked for: then the copy would end in zeros. Where
 *    that may be so, and where a longer text is open too, the text is filled up to the inode's size
 *    with blanks before its last newline. Such reads name no lock owner; direct ones do.
 *
 * Storing a byte waits for the page's lock, which a read through the page cache holds until we have
 * answered it: see size_raise(). Files that are open at the same time share the page cache: a
 * sendfile may give the text of another open of that moment.
 */
#include "config.h"
#include "sizes.h"
#include "tree.h"

#include <linux/fuse.h>
#include <pthread.h>
#include <stddef.h>
#include <time.h>
#include <unistd.h>

#define PAGE 4096
#define FAR  ((uint64_t)1 << 40)

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct size {
	unsigned int open;   /* handles of this life of the server, */
	bool counted;	     /* and there are no others */
	bool exact;	     /* the inode's size is *most; else it is at most that */
	uint64_t changed_ns; /* when the kernel was last told of a change */
} table[TREE_NODES_MAX];     /* lock */
static uint64_t *most;	     /* lock: [ino], outlives the server; NULL: this kernel needs nothing */
static int fuse;

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + ts.tv_nsec;
}

/* Return: false if the kernel has no such inode in memory (ENOENT). */
static bool store(uint64_t ino, uint64_t offset, size_t len)
{
	struct {
		struct fuse_out_header head;
		struct fuse_notify_store_out store;
		char byte;
	} msg = { .head.error = FUSE_NOTIFY_STORE,
		  .store = { .nodeid = ino, .offset = offset, .size = len },
		  .byte = '\n' };

	msg.head.len = offsetof(typeof(msg), byte) + len;
	return write(fuse, &msg, msg.head.len) >= 0;
}

static struct size *size_of(uint64_t ino)
{
	return most && ino < TREE_NODES_MAX ? &table[ino] : NULL;
}

/**
 * size_begin() - call once, before any other, where the kernel needs it
 * @kept: TREE_NODES_MAX numbers in memory that outlives the server, 0 at first
 * @resume: a predecessor may have opened files
 */
void size_begin(int fuse_fd, uint64_t *kept, bool resume)
{
	fuse = fuse_fd;
	most = kept;
	for (int i = 0; i < TREE_NODES_MAX; i++)
		table[i].counted = !resume;
}

/**
 * size_opened() - the file @ino was opened, with a text of @len bytes, or 0 if only for writing
 * @truncated: the kernel sets the size to 0 by itself when the open is answered
 *
 * Return: what has to be done before the open is answered.
 */
enum size_todo size_opened(uint64_t ino, size_t len, bool truncated)
{
	struct size *size = size_of(ino);
	uint64_t end = len;
	bool raise, alone;

	if (!size)
		return SIZE_FITS;
	pthread_mutex_lock(&lock);
	alone = ++size->open == 1 && size->counted;
	if (!size->exact && end <= most[ino])
		end = most[ino] + 1; /* so that it is known */
	raise = len > 0 && end > most[ino];
	if (raise) {
		/* the first byte of a page would make the kernel believe that it has the page */
		most[ino] = end % PAGE == 1 ? end + 1 : end;
		size->exact = true;
		size->changed_ns = now_ns();
	}
	if (truncated)
		size->exact = false;
	pthread_mutex_unlock(&lock);
	return !raise ? SIZE_FITS : alone ? SIZE_RAISE : SIZE_RAISE_BLOCKING;
}

/**
 * size_raise() - tell the kernel what size_opened() found
 *
 * If that was SIZE_RAISE_BLOCKING it may wait until a read through the page cache is answered,
 * which somebody else has to do.
 */
void size_raise(uint64_t ino)
{
	uint64_t end;

	pthread_mutex_lock(&lock);
	end = most[ino];
	pthread_mutex_unlock(&lock);
	if (end)
		store(ino, end - 1, 1);
}

/**
 * size_closed() - the opposite of size_opened()
 */
void size_closed(uint64_t ino)
{
	struct size *size = size_of(ino);

	if (!size)
		return;
	pthread_mutex_lock(&lock);
	if (size->open > 0)
		size->open--;
	pthread_mutex_unlock(&lock);
}

/**
 * size_asked() - call before the answer to a GETATTR or LOOKUP, which is to say 0
 */
void size_asked(uint64_t ino)
{
	struct size *size = size_of(ino);
	bool some;

	if (!size)
		return;
	pthread_mutex_lock(&lock);
	some = most[ino] > 0;
	size->changed_ns = now_ns();
	pthread_mutex_unlock(&lock);
	if (!some || store(ino, FAR, 0))
		return;
	pthread_mutex_lock(&lock);
	most[ino] = 0; /* an inode that comes to be begins with what the answer says */
	size->exact = true;
	pthread_mutex_unlock(&lock);
}

/**
 * size_to_fill() - how long a text of @len bytes has to be that is read through the page cache
 * @asked_ns: when the request was asked, at the earliest; CLOCK_MONOTONIC
 */
size_t size_to_fill(uint64_t ino, size_t len, uint64_t asked_ns)
{
	struct size *size = size_of(ino);
	size_t fill = len;

	if (!size)
		return len;
	pthread_mutex_lock(&lock);
	if (!size->exact || most[ino] <= len)
		;
	else if (size->open > 1 || asked_ns <= size->changed_ns)
		fill = most[ino];
	else
		most[ino] = len; /* the kernel sees the end now */
	pthread_mutex_unlock(&lock);
	return fill;
}
