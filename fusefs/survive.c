/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests are read from /dev/fuse straight into the slot of the worker that reads: from the moment
 * that the kernel counts a request as taken, its text is where a successor finds it. A slot is in
 * use as long as its header says a length; the worker clears that when the request was answered.
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

struct survivor {
	_Atomic uint32_t init_len; /* 0: there is no INIT yet */
	char init[INIT_MAX] __attribute__((aligned(8)));
	struct load_saved load;
	struct usage_base base;
	uint64_t sizes[TREE_NODES_MAX];
	char slot[SURVIVE_WORKERS][SURVIVE_SLOT_SIZE] __attribute__((aligned(4096)));
};

/**
 * survive_map() - map the memfd, which is made large enough first
 *
 * Return: NULL with errno.
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
	return p == MAP_FAILED ? NULL : p;
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
