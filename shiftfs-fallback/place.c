/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the kernel has a directory: the entry by which it was told of last.
 *
 * The kernel names what it wants removed by its name, and takes the inode that it remembers there
 * for dead afterwards: nothing is found in it any more, whatever its name is, as long as somebody
 * has it open. If others have moved that directory meanwhile and put another in its place, then the
 * other one is removed, and the kernel buries the one that lives. So a directory is removed only
 * where the kernel has it; else the answer is ESTALE, with which it asks for the name again.
 *
 * Others can still be quicker than that, and one may be told of a directory while another's request
 * to remove it is under way. So it is noted which entries were removed. A directory that the kernel
 * had there, or may have had, and that is found again, becomes a new inode for the kernel. A server
 * after this one does not know of them.
 */
#include "config.h"
#include "node.h"
#include "nodefd.h"

/* Which entry was removed, << 32, and how many before it; some of those of late. */
#define BURIED 4096

static _Atomic uint64_t buried[BURIED];
static _Atomic uint32_t burials;

/**
 * place_of() - what stands for the entry @name of the directory @dir; always odd
 *
 * Two entries that share it are only not told apart.
 */
uint32_t place_of(const struct node *dir, const char *name)
{
	/* FNV-1a, whose last bytes are not yet in all bits */
	uint64_t h = 0xcbf29ce484222325ull ^ (uintptr_t)dir ^ (uint64_t)dir->generation << 32;

	for (; *name; name++)
		h = (h ^ (unsigned char)*name) * 0x100000001b3ull;
	h = (h ^ h >> 29) * 0x9e3779b97f4a7c15ull;
	return (uint32_t)(h >> 32) | 1;
}

/**
 * place_bury() - the kernel takes the directory that it has at @place for dead
 */
void place_bury(uint32_t place)
{
	uint32_t n = atomic_fetch_add(&burials, 1) + 1;

	atomic_store(&buried[place / 2 % BURIED], (uint64_t)place << 32 | n);
}

static bool was_buried(uint32_t place, uint32_t since)
{
	uint64_t last = atomic_load(&buried[place / 2 % BURIED]);

#ifdef MUTANT_SHIFT_BURIED_ALIVE
	return false;
#endif
	return place && last >> 32 == place && (int32_t)((uint32_t)last - since) > 0;
}

/**
 * place_holds() - whether the kernel has the directory that @fd refers to at @place
 * @st: what node_stat() says of it
 */
bool place_holds(struct node_table *t, int fd, const struct node_stat *st, uint32_t place)
{
	const struct node *n = node_seek(t, fd, st);
	bool holds = n && n->place == place;

	node_seek_end(t, st);
	return holds;
}

/* Locking: the shard's. */
static void set(struct node *n, uint32_t place, uint32_t before)
{
	n->place = place;
	n->before = before;
	n->since = atomic_load(&burials);
}

/**
 * place_change() - the kernel will have what it has at @from at @to
 *
 * If that is not the directory that @fd refers to, nobody knows where it will have this one.
 */
void place_change(struct node_table *t, int fd, const struct node_stat *st, uint32_t from,
		  uint32_t to)
{
	struct node *n = node_seek(t, fd, st);

	if (n)
		set(n, n->place == from ? to : 0, 0);
	node_seek_end(t, st);
}

/**
 * place_tell() - the kernel is told of the directory @n at @place
 *
 * Return: false if the kernel may take it for dead: this node will not be found any more.
 */
bool place_tell(struct node_table *t, struct node *n, uint32_t place)
{
	bool lives;

	node_lock(t, n);
	lives = !was_buried(n->place, n->since) && !was_buried(n->before, n->since);
	if (!lives)
		n->alias = n->generation;
	else if (n->place != place)
		set(n, place, n->place);
	node_unlock(t, n);
	return lives;
}
