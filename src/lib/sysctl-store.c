/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The store of one container's sysctl values.
 *
 * A value has two slots and a commit word: the unused slot is filled, then the word is switched. A
 * server killed half-way leaves the old value. Each place in the file carries the hash of the path
 * that it belongs to, so that a server of a later build, whose table has other rows, finds what its
 * predecessor stored. Texts are long and rare and have places of their own; the file is sparse.
 *
 * The server writes this file and may be somebody's prisoner: whoever else reads it loads a copy
 * (sysctl_store_load()), and takes nothing in it for granted but that it is bytes.
 */
#include "config.h"
#include "lib/sysctl-store.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define PLACES	    512
#define TEXT_PLACES 64

struct place {
	_Atomic uint32_t key;	 /* 0: free */
	_Atomic uint32_t commit; /* 0: never written; else 1 + the slot that counts */
	_Atomic uint32_t marks;
	_Atomic uint32_t dir; /* see sysctl_store_dir() */
	int64_t slot[2][SYSCTL_MAX_VALUES];
};

struct text_place {
	_Atomic uint32_t key;
	_Atomic uint32_t commit;
	char slot[2][SYSCTL_STRING_MAX];
};

struct sysctl_file {
	_Atomic uint32_t scanned;
	uint32_t reserved[15];
	struct place places[PLACES];
	struct text_place texts[TEXT_PLACES];
};

/* FNV-1a. The paths of the table are few and known: a unit test sees that no two have one hash. */
static uint32_t key_of(const struct sysctl *s)
{
	uint32_t h = 2166136261u;

	for (const char *p = s->path; *p; p++)
		h = (h ^ (unsigned char)*p) * 16777619u;
	return h ? h : 1;
}

/**
 * sysctl_store_size() - size of the file, zero-filled at first
 */
size_t sysctl_store_size(void)
{
	return (sizeof(struct sysctl_file) + 4095) & ~(size_t)4095;
}

/* Where @key is, tried at @hint first; a free place if @claim. */
static int find_place(struct sysctl_file *f, uint32_t key, int hint, bool claim)
{
	int unused = -1;

	if (f->places[hint].key == key)
		return hint;
	for (int i = 0; i < PLACES; i++) {
		if (f->places[i].key == key)
			return i;
		if (unused < 0 && f->places[i].key == 0)
			unused = i;
	}
	if (claim && f->places[hint].key == 0)
		unused = hint;
	if (claim && unused >= 0)
		f->places[unused].key = key;
	return claim ? unused : -1;
}

static int find_text(struct sysctl_file *f, uint32_t key, bool claim)
{
	for (int i = 0; i < TEXT_PLACES; i++) {
		if (f->texts[i].key == key)
			return i;
		if (f->texts[i].key == 0 && claim) {
			f->texts[i].key = key;
			return i;
		}
	}
	return -1;
}

static void find_places(struct sysctl_store *store, bool claim)
{
	_Static_assert(SYSCTL_ROWS_MAX <= PLACES, "every row has its first guess");
	bool empty = claim && store->file->places[0].key == 0;

	for (int i = 0; i < sysctls_count && i < SYSCTL_ROWS_MAX; i++) {
		uint32_t key = key_of(&sysctls[i]);

		if (empty) /* nothing to search in */
			store->file->places[i].key = key;
		store->place[i] = find_place(store->file, key, i, claim);
		store->place_text[i] = -1;
		if (sysctl_is_text(&sysctls[i]) && sysctls[i].policy == SYSCTL_PRIVATE)
			store->place_text[i] = find_text(store->file, key, claim);
	}
}

static int take_mapping(struct sysctl_store *store, void *p)
{
	if (p == MAP_FAILED)
		return -errno;
	store->file = p;
	store->mapped = true;
	find_places(store, true);
	return 0;
}

/**
 * sysctl_store_new() - an empty store in no file
 */
int sysctl_store_new(struct sysctl_store *store)
{
	return take_mapping(store, mmap(NULL, sysctl_store_size(), PROT_READ | PROT_WRITE,
					MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
}

/**
 * sysctl_store_map() - the store in @fd, to read and write; the file is made large enough first
 */
int sysctl_store_map(struct sysctl_store *store, int fd)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (st.st_size < (off_t)sysctl_store_size() && ftruncate(fd, sysctl_store_size()) < 0)
		return -errno;
	return take_mapping(
		store, mmap(NULL, sysctl_store_size(), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
}

/**
 * sysctl_store_load() - a copy of the store in @fd, which its owner cannot change any more
 */
int sysctl_store_load(struct sysctl_store *store, int fd)
{
	ssize_t n;

	store->mapped = false;
	store->file = calloc(1, sysctl_store_size());
	if (!store->file)
		return -ENOMEM;
	n = pread(fd, store->file, sizeof(*store->file), 0);
	if (n != (ssize_t)sizeof(*store->file)) {
		sysctl_store_close(store);
		return n < 0 ? -errno : -EIO;
	}
	find_places(store, false);
	return 0;
}

/**
 * sysctl_store_close() - unmap or free what _new(), _map() or _load() gave; the file stays
 */
void sysctl_store_close(struct sysctl_store *store)
{
	if (store->mapped)
		munmap(store->file, sysctl_store_size());
	else
		free(store->file);
	store->file = NULL;
}

static int row_of(const struct sysctl *s)
{
	return s - sysctls;
}

/* Two slots of @size bytes at @slots: the one that counts, or NULL. */
static const void *committed(const _Atomic uint32_t *word, const void *slots, size_t size)
{
	uint32_t commit = atomic_load_explicit(word, memory_order_acquire);

	return commit ? (const char *)slots + ((commit - 1) & 1) * size : NULL;
}

static void commit(_Atomic uint32_t *word, void *slots, const void *from, size_t size)
{
	uint32_t spare = atomic_load_explicit(word, memory_order_relaxed) == 1;

	memcpy((char *)slots + spare * size, from, size);
	atomic_store_explicit(word, spare + 1, memory_order_release);
}

/**
 * sysctl_store_get() - the container's value of @s
 *
 * Locking: the caller keeps writers of the same store away.
 */
void sysctl_store_get(const struct sysctl_store *store, const struct sysctl *s,
		      struct sysctl_value *value)
{
	int at = store->place[row_of(s)], text = store->place_text[row_of(s)];
	const void *from = NULL;

	sysctl_initial(s, value);
	if (sysctl_is_text(s) && text >= 0)
		from = committed(&store->file->texts[text].commit, store->file->texts[text].slot,
				 SYSCTL_STRING_MAX);
	else if (!sysctl_is_text(s) && at >= 0)
		from = committed(&store->file->places[at].commit, store->file->places[at].slot,
				 sizeof(value->n));
	if (from)
		memcpy(value, from, sysctl_is_text(s) ? SYSCTL_STRING_MAX : sizeof(value->n));
	if (sysctl_is_text(s))
		value->text[SYSCTL_STRING_MAX - 1] = '\0';
}

/**
 * sysctl_store_put() - replace the container's value of @s, all or nothing
 *
 * Locking: one writer at a time.
 */
int sysctl_store_put(struct sysctl_store *store, const struct sysctl *s,
		     const struct sysctl_value *value)
{
	int at = store->place[row_of(s)], text = store->place_text[row_of(s)];

	if (sysctl_is_text(s) ? text < 0 : at < 0)
		return -ENOSPC;
	if (sysctl_is_text(s))
		commit(&store->file->texts[text].commit, store->file->texts[text].slot, value->text,
		       SYSCTL_STRING_MAX);
	else
		commit(&store->file->places[at].commit, store->file->places[at].slot, value->n,
		       sizeof(value->n));
	return 0;
}

/*
 * What a write leaves of a value, and of its twin's: of vm.dirty_bytes and vm.dirty_ratio one is
 * zero while the other counts, of retrans_time and retrans_time_ms each is the other.
 * Return: whether there is a twin to be changed.
 */
static bool with_twin(const struct sysctl *s, int64_t old, struct sysctl_value *value,
		      struct sysctl_value *twins)
{
	*twins = (struct sysctl_value){ 0 };
	if (s->quirk == SYSCTL_FOLLOWS)
		sysctl_follow(s, value, twins);
	return s->quirk == SYSCTL_FOLLOWS || (s->quirk == SYSCTL_CLEARS && value->n[0] != old);
}

/**
 * sysctl_store_write() - one write(2) of the container's: see sysctl_write()
 *
 * Locking: one writer at a time, and no reader meanwhile.
 */
int sysctl_store_write(struct sysctl_store *store, const struct sysctl *s, const char *text,
		       size_t len, off_t offset, size_t *consumed)
{
	struct sysctl_value value, old, twins;
	bool both = false;
	int r, stored;

	sysctl_store_get(store, s, &old);
	value = old;
	r = sysctl_write(s, &value, text, len, offset, consumed);
	if (r == 0 && offset == 0 && len > 0)
		both = with_twin(s, old.n[0], &value, &twins);
	stored = sysctl_store_put(store, s, &value);
	if (r == 0)
		r = stored;
	if (r == 0 && offset == 0)
		sysctl_store_mark(store, s, SYSCTL_ASKED);
	if (r == 0 && both)
		r = sysctl_store_put(store, sysctl_twin(s), &twins);
	return r;
}

/**
 * sysctl_store_mark() - note something of @s; bits are only ever added
 */
void sysctl_store_mark(struct sysctl_store *store, const struct sysctl *s, unsigned int marks)
{
	int at = store->place[row_of(s)];

	if (at >= 0)
		atomic_fetch_or(&store->file->places[at].marks, marks);
}

/**
 * sysctl_store_marks() - what sysctl_store_mark() has noted of @s
 */
unsigned int sysctl_store_marks(const struct sysctl_store *store, const struct sysctl *s)
{
	int at = store->place[row_of(s)];

	return at < 0 ? 0 : atomic_load(&store->file->places[at].marks);
}

/**
 * sysctl_store_mark_dir() - @s lies in a directory that is covered as one
 * @len: of the directory's path, which @s's begins with
 */
void sysctl_store_mark_dir(struct sysctl_store *store, const struct sysctl *s, size_t len)
{
	int at = store->place[row_of(s)];

	if (at >= 0)
		atomic_store(&store->file->places[at].dir, len);
}

/**
 * sysctl_store_dir() - length of the path of that directory, or 0
 */
size_t sysctl_store_dir(const struct sysctl_store *store, const struct sysctl *s)
{
	int at = store->place[row_of(s)];
	uint32_t len = at < 0 ? 0 : atomic_load(&store->file->places[at].dir);

	return len < strlen(s->path) ? len : 0;
}

/**
 * sysctl_store_set_scanned() - the marks tell what the running kernel has
 */
void sysctl_store_set_scanned(struct sysctl_store *store)
{
	atomic_store(&store->file->scanned, 1);
}

/**
 * sysctl_store_scanned() - without that, every row is taken to be there
 */
bool sysctl_store_scanned(const struct sysctl_store *store)
{
	return atomic_load(&store->file->scanned) != 0;
}

/**
 * sysctl_store_copy() - what is known of each sysctl in @from, and the values that were put there
 */
void sysctl_store_copy(struct sysctl_store *to, const struct sysctl_store *from)
{
	for (int i = 0; i < sysctls_count; i++) {
		const struct sysctl *s = &sysctls[i];
		int at = from->place[i];
		struct sysctl_value value;

		sysctl_store_mark(to, s, sysctl_store_marks(from, s));
		sysctl_store_mark_dir(to, s, sysctl_store_dir(from, s));
		if (at < 0 || sysctl_is_text(s) || !from->file->places[at].commit)
			continue;
		sysctl_store_get(from, s, &value);
		sysctl_store_put(to, s, &value);
	}
	if (sysctl_store_scanned(from))
		sysctl_store_set_scanned(to);
}
