/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests are read from /dev/fuse straight into the slot of the worker that reads: from the moment
 * that the kernel counts a request as taken, its text is where a successor finds it. A slot is in
 * use as long as its header says a length; the worker clears that when the request was answered.
 * What changes something is not done again if its answer was ready: that is kept beside the slot
 * before it is sent, and another write may have come in between.
 *
 * The successor may be of another version (`cloister reload`): the layout is checked, and files
 * keep the numbers by which the kernel knows them.
 */
#include "config.h"
#include "survive.h"
#include "tree.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <linux/fuse.h>

#define INIT_MAX 2048

#define LAYOUT_VERSION 1

struct answer {
	uint64_t unique; /* of the request; 0: none */
	uint32_t len;
	char bytes[SURVIVE_ANSWER_MAX];
};

/* An open file; 0 in fh while the rest is not complete. Whole pages, the first with most texts. */
struct kept_text {
	uint64_t fh;
	uint32_t ino, len;
	char text[SURVIVE_TEXT_MAX];
};

struct survivor {
	uint32_t layout;	   /* 0: nobody was here yet */
	_Atomic uint32_t init_len; /* 0: there is no INIT yet */
	char init[INIT_MAX] __attribute__((aligned(8)));
	struct load_saved load;
	struct usage_base base;
	uint64_t sizes[TREE_NODES_MAX];
	struct answer answer[SURVIVE_WORKERS];
	char paths[TREE_PATHS_MAX];
	struct kept_text kept[SURVIVE_TEXTS] __attribute__((aligned(4096)));
	char slot[SURVIVE_WORKERS][SURVIVE_SLOT_SIZE] __attribute__((aligned(4096)));
};

/* EPROTO: left by a version that keeps it in another way. */
static bool layout_fits(struct survivor *s)
{
	uint32_t layout = LAYOUT_VERSION << 24 | sizeof(struct survivor);

	if (s->layout == 0)
		s->layout = layout;
	errno = EPROTO;
	return s->layout == layout;
}

/**
 * survive_map() - map the memfd, which is made large enough first
 *
 * Return: NULL with errno; EPROTO: another version left it, which keeps it in another way.
 */
struct survivor *survive_map(int fd)
{
	struct stat st;
	void *p;

	if (fstat(fd, &st) < 0)
		return NULL;
	if (st.st_size < (off_t)sizeof(struct survivor) &&
	    ftruncate(fd, sizeof(struct survivor)) < 0)
		return NULL;
	p = mmap(NULL, sizeof(struct survivor), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	return p != MAP_FAILED && layout_fits(p) ? p : NULL;
}

/**
 * survive_slot() - where @worker reads its requests to, SURVIVE_SLOT_SIZE bytes
 */
void *survive_slot(struct survivor *s, int worker)
{
	return s->slot[worker];
}

/**
 * survive_clear() - @worker has nothing in hand
 */
void survive_clear(struct survivor *s, int worker)
{
	struct fuse_in_header *in = (struct fuse_in_header *)s->slot[worker];

	__atomic_store_n(&in->len, 0, __ATOMIC_RELEASE);
}

/**
 * survive_pending() - length of the request that @worker left unanswered, or 0
 */
size_t survive_pending(struct survivor *s, int worker)
{
	const struct fuse_in_header *in = (const struct fuse_in_header *)s->slot[worker];
	uint32_t len = __atomic_load_n(&in->len, __ATOMIC_ACQUIRE);

	return len >= sizeof(*in) && len <= SURVIVE_SLOT_SIZE ? len : 0;
}

/**
 * survive_keep_init() - keep the INIT request, which the kernel sends but once
 */
int survive_keep_init(struct survivor *s, const void *request, size_t len)
{
	if (len > sizeof(s->init))
		return -EFBIG;
	memcpy(s->init, request, len);
	atomic_store_explicit(&s->init_len, len, memory_order_release);
	return 0;
}

/**
 * survive_init() - the INIT request that was kept, or NULL
 */
const void *survive_init(const struct survivor *s, size_t *len)
{
	*len = atomic_load_explicit(&s->init_len, memory_order_acquire);
	return *len && *len <= sizeof(s->init) ? s->init : NULL;
}

/**
 * survive_load() - where the load average is kept
 */
struct load_saved *survive_load(struct survivor *s)
{
	return &s->load;
}

/**
 * survive_base() - where the usage before the container is kept
 */
struct usage_base *survive_base(struct survivor *s)
{
	return &s->base;
}

/**
 * survive_sizes() - where the sizes are kept that the kernel was told, TREE_NODES_MAX of them
 */
uint64_t *survive_sizes(struct survivor *s)
{
	return s->sizes;
}

/**
 * survive_keep_answer() - @worker is going to send this answer to the request in its slot
 */
void survive_keep_answer(struct survivor *s, int worker, const struct iovec *iov, int count)
{
	const struct fuse_in_header *in = (const struct fuse_in_header *)s->slot[worker];
	struct answer *a = &s->answer[worker];
	size_t len = 0;

	__atomic_store_n(&a->unique, 0, __ATOMIC_RELEASE);
	for (int i = 0; i < count && iov[i].iov_len <= sizeof(a->bytes) - len; i++) {
		memcpy(a->bytes + len, iov[i].iov_base, iov[i].iov_len);
		len += iov[i].iov_len;
	}
	a->len = len;
	__atomic_store_n(&a->unique, in->unique, __ATOMIC_RELEASE);
}

/**
 * survive_answer() - the answer that was ready for the request in the slot of @worker, or NULL
 */
const void *survive_answer(const struct survivor *s, int worker, size_t *len)
{
	const struct fuse_in_header *in = (const struct fuse_in_header *)s->slot[worker];
	const struct answer *a = &s->answer[worker];

	*len = a->len;
	return a->unique && a->unique == in->unique && a->len <= sizeof(a->bytes) ? a->bytes : NULL;
}

/**
 * survive_paths() - the paths by which tree.c knows its nodes, TREE_PATHS_MAX bytes
 */
char *survive_paths(struct survivor *s)
{
	return s->paths;
}

/* What an ordinary container has open at once; memory beyond that is given back. */
#define TEXTS_AT_HAND 8

/**
 * survive_keep_text() - open file @i, which the kernel calls @fh, shows this text of file @ino
 */
void survive_keep_text(struct survivor *s, unsigned int i, uint64_t fh, uint32_t ino,
		       const char *text, size_t len)
{
	struct kept_text *k;

	if (i >= SURVIVE_TEXTS || len > SURVIVE_TEXT_MAX)
		return;
	k = &s->kept[i];
	__atomic_store_n(&k->fh, 0, __ATOMIC_RELEASE);
	atomic_signal_fence(memory_order_seq_cst); /* whoever reads it lives after us */
	if (len)
		memcpy(k->text, text, len);
	k->ino = ino;
	k->len = len;
	__atomic_store_n(&k->fh, fh, __ATOMIC_RELEASE);
}

/**
 * survive_forget_text() - there is no open file @i any more
 */
void survive_forget_text(struct survivor *s, unsigned int i)
{
	if (i >= SURVIVE_TEXTS || !s->kept[i].fh)
		return;
	__atomic_store_n(&s->kept[i].fh, 0, __ATOMIC_RELEASE);
	if (i >= TEXTS_AT_HAND)
		madvise(&s->kept[i], sizeof(s->kept[i]), MADV_REMOVE);
}

/**
 * survive_text() - what open file @i showed, or NULL
 */
const char *survive_text(const struct survivor *s, unsigned int i, uint64_t *fh, uint32_t *ino,
			 size_t *len)
{
	const struct kept_text *k = &s->kept[i];

	*fh = __atomic_load_n(&k->fh, __ATOMIC_ACQUIRE);
	*ino = k->ino;
	*len = k->len;
	return *fh && k->len <= SURVIVE_TEXT_MAX ? k->text : NULL;
}
