/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The server of one mount: its connection, its workers, and a request as the handlers see it.
 * process.h has what those of several mounts share.
 */
#include "creds.h"
#include "hide.h"
#include "map.h"
#include "node.h"
#include "proto.h"
#include "survive.h"

#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <time.h>

/* The largest READ and WRITE; the kernel's own default limit (fs/fuse/max_pages_limit). */
#define MAX_IO (1u << 20)

/* Open files and directories. */
#define MAX_OPEN (1u << 22)

#define MAX_HELD 3 /* nodes of one request */

/* An open file or directory. The kernel calls it by its address. */
struct open_file {
	int32_t fd;	 /* first for pool.c: a number above 65535 is none */
	uint32_t in_use; /* OPEN_MAGIC */
	struct node *node;
	uint32_t n_plus; /* names of a directory that were told, */
	uint32_t n_told; /* and of those the first, of which the kernel had attributes before */
};

/* Who translates ids: doc/shiftfs.md. */
enum mode {
	MODE_CONTAINER, /* the kernel: the superblock belongs to the container's user namespace */
	MODE_SERVER,	/* this server; the superblock is the initial user namespace's */
	MODE_IDMAPPED,	/* the kernel: ID-mapped mounts of the superblock */
};

/* How long the kernel may believe what it was told. */
enum cache {
	CACHE_STRICT, /* not at all */
	CACHE_AUTO,   /* as long as the timeout says */
	CACHE_ALWAYS, /* nobody else changes the backing */
};

#define MAX_HIDE 256

struct process;
struct lock_table;

struct server {
	struct process *process;
	const char *target; /* where it is mounted, for messages; or NULL */
	int fuse_fd, source_fd;
	struct id_maps maps;
	struct id_map known; /* MODE_CONTAINER: the ids that the user namespace has */
	enum mode mode;
	enum cache cache;
	const char *hide_path[MAX_HIDE];
	int n_hide_paths;
	const char *hiding; /* what could not be, for messages; or NULL */
	struct hide hide;
	bool as;		 /* with the rights of one user (creds.c), not those of who asks */
	struct timespec timeout; /* of entries and attributes */
	int threads;		 /* at most */
	size_t max_inodes; /* that the kernel shall remember; 0: as many as there are descriptors
			      for */
	bool use_passthrough, use_locks, use_rings;

	int proc_fd; /* /proc/self/fd; the process's */
	pid_t main_tid;
	atomic_bool following, much_data;
	pthread_mutex_t follow_lock; /* rank 4 */
	int stays_on;		     /* the CPU of the main worker, or -1. Locking: follow_lock */
	int flees;		     /* Locking: follow_lock */
	atomic_bool gives_way;	     /* the main worker is SCHED_IDLE. Locking: follow_lock */
	atomic_uint had_to_wait;     /* somebody, because of that: now_ms(), */
	atomic_uint busy_ms;	     /* and how long the worker does not give way then */
	bool seen_waiting;	     /* the watcher's: when it looked last a request was there */
	atomic_int many;	     /* callers (callers.c) */
	atomic_uint last_caller;
	_Atomic uint64_t uncapped; /* who has removed whose capabilities last (request_of()) */
	uint32_t minor;
	bool setxattr_ext;
	struct node_table nodes;
	struct pool files; /* struct open_file */
	bool passthrough, locks;
	struct rings *_Atomic rings; /* ring.c; or NULL */
	struct survivor *survivor;
	struct pool lock_owners;
	struct lock_table *lock_table; /* locks.c */
	atomic_bool over;	       /* unmounted: there is nothing more to read, */
	atomic_bool ended;	       /* and the last worker has left */
	bool again;		       /* there was a server before this one */
	atomic_int workers, busy;
	atomic_uint done; /* requests */
	atomic_bool slot_taken[MAX_SLOTS];
	unsigned int seen_done; /* the watcher's: .done when it looked last, */
	int quiet;		/* and how often there was nothing to see */
};

struct worker {
	struct server *server;
	bool stays; /* the main thread: /proc/self/fd is empty once it has ended */
	struct creds creds;
	struct ring *ring; /* its requests come from; or NULL: from the connection */
	struct slot *slot;
	char *in;	       /* the request that it works on */
	char *out;	       /* MAX_IO bytes for an answer */
	unsigned int followed; /* requests that could have told it to */
};

/*
 * A request. A handler returns -errno, or 0 and what it put into .out. What it made for the kernel
 * to hold on to is taken back if the answer cannot be delivered.
 */
struct request {
	struct worker *worker;
	struct server *server;
	const struct fuse_in_header *in;
	const void *arg; /* what follows the header, */
	size_t len;	 /* without extensions */
	const void *out;
	size_t out_len;
	bool no_reply, plus;
	bool again; /* a server before this one may have carried it out, */
	bool done;  /* or has */
	bool made;  /* the inode that the answer tells of was made for it */
	struct slot *slot;
	struct node *entry;	  /* a lookup of it was counted for this answer */
	struct open_file *opened; /* made for this answer */
	struct open_file *closed; /* ends with this answer */
	struct node *held[MAX_HELD];
	int n_held;
	union {
		struct fuse_init_out init;
		struct fuse_attr_out attr;
		struct fuse_statfs_out statfs;
		struct fuse_write_out write;
		struct fuse_open_out open;
		struct fuse_getxattr_out getxattr;
		struct fuse_lseek_out lseek;
		struct fuse_lk_out lk;
		struct proto_statx_out statx;
		struct proto_copy_file_range_out copy;
		struct {
			struct fuse_entry_out entry;
			struct fuse_open_out open;
		} create;
	} reply;
};

int request_name(const struct request *r, size_t *offset, const char **name);
int request_new_entry(struct request *r, size_t *offset, const char **name);
struct node *request_node(const struct request *r);
int request_hold(struct request *r, struct node *n);
int request_fd(struct request *r);
int become_maker(struct request *r);

/*
 * Whether writing leaves suid bits, where the kernel does not tell: it asks for CAP_FSETID in the
 * initial user namespace, which nobody in a container has.
 */
static inline bool keeps_suid(const struct request *r)
{
	return r->server->mode == MODE_SERVER && r->in->uid == 0;
}

/* The host's root, or that of a container whose ids the mount shows; or nobody knows who. */
static inline bool seems_root(const struct request *r)
{
	return r->in->uid == 0 || r->worker->creds.fsuid == 0;
}

/* Which caller asks about which inode. */
static inline uint64_t request_of(const struct request *r)
{
	return r->in->nodeid ^ (uint64_t)r->in->pid << 40;
}

/* Milliseconds; never 0, and the same in a server after this one. */
static inline uint32_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	return (uint32_t)(now.tv_sec * 1000 + now.tv_nsec / 1000000) | 1;
}

/* Of a timeout of days an hour. */
static inline uint32_t timeout_ms(const struct server *s)
{
	return s->timeout.tv_sec > 3600 ? 3600000
					: s->timeout.tv_sec * 1000 + s->timeout.tv_nsec / 1000000;
}

static inline int reply_with(struct request *r, const void *out, size_t len)
{
	r->out = out;
	r->out_len = len;
	return 0;
}

int worker_init(struct worker *w, struct server *s);
void worker_end(struct worker *w, int r);
void worker_left(struct server *s);
int server_prepare(struct server *s);
int server_recover(struct server *s);
int server_start(struct server *s);
void server_main(struct server *s);
bool server_look(struct server *s);
int start_thread(void *(*run)(void *arg), void *arg);
void dispatch(struct worker *w, size_t len, bool again);

/* callers.c */
int callers_begin(struct process *p);
void callers_join(struct server *s);
void callers_leave(struct server *s);
void callers_count(struct worker *w);
bool callers_many(const struct server *s);
bool callers_few(const struct server *s);
void callers_follow(struct worker *w);
void callers_watch(struct server *s, bool stuck, bool quiet);
void callers_roam(const struct server *s);
bool callers_may_give_way(const struct server *s);
void callers_note_wait(struct server *s);

/* prune.c */
bool prune_is_due(struct server *s);
void prune(struct server *s);
void ask_again(const struct server *s, const struct node *n);
void ask_again_accessed(const struct server *s, const struct node *n);
void ask_again_aliases(struct server *s, const struct node *n);

/* init.c */
int do_init(struct request *r);
void init_done(struct server *s);

/* attr.c */
struct timespec timeout_of(const struct server *s, const struct node *n,
			   const struct node_stat *st);
void attr_fill(struct server *s, const struct node_stat *st, struct fuse_attr *attr);
void keep_suid(struct request *r, int fd, bool on);
int do_getattr(struct request *r);
int do_setattr(struct request *r);
int do_statx(struct request *r);
int do_statfs(struct request *r);

/* entry.c */
int entry_reply(struct request *r, int *fd, const char *name, struct fuse_entry_out *out);
int open_child(int dirfd, const char *name);
int reply_child(struct request *r, int dir, const char *name);
int do_lookup(struct request *r);
int do_forget(struct request *r);
int do_batch_forget(struct request *r);
int do_readlink(struct request *r);

/* make.c, move.c: changes of directories */
int do_mknod(struct request *r);
int do_mkdir(struct request *r);
int do_symlink(struct request *r);
int do_create(struct request *r);
int do_tmpfile(struct request *r);
int do_link(struct request *r);
int do_unlink(struct request *r);
int do_rmdir(struct request *r);
int do_rename(struct request *r);
int do_rename2(struct request *r);

/* dir.c */
void dir_closed(struct server *s, struct node *n);
int do_opendir(struct request *r);
int do_readdir(struct request *r);
int do_readdirplus(struct request *r);
void take_back_plus(struct request *r);
int do_fsyncdir(struct request *r);

/* file.c */
int file_reply(struct request *r, struct node *n, int fd, uint32_t flags, uint32_t mode,
	       struct fuse_open_out *out);
void open_files_recover(struct server *s);
void open_files_end(struct server *s);
int reopen(const struct server *s, int fd, int flags);
struct open_file *open_file_new(struct server *s, struct node *n, int fd);
void open_file_free(struct server *s, struct open_file *f);
int open_file_fd(uint64_t fh);
int open_flags(uint32_t flags);
bool open_appends(int error, uint32_t flags);
int do_open(struct request *r);
int do_read(struct request *r);
int do_write(struct request *r);
int do_release(struct request *r);
int do_flush(struct request *r);
int do_fsync(struct request *r);
int do_fallocate(struct request *r);
int do_lseek(struct request *r);
int do_copy_file_range(struct request *r);
int do_copy_file_range_64(struct request *r);

/* passthrough.c */
bool passthrough_open(struct request *r, struct node *n, int fd, bool good,
		      struct fuse_open_out *out);
void passthrough_close(struct server *s, struct node *n);

/* locks.c */
int locks_init(struct server *s);
void locks_recover(struct server *s);
void locks_end(struct server *s);
void locks_flush(struct server *s, struct node *n, uint64_t owner);
void locks_release(struct server *s, struct open_file *f, bool flock_too);
int do_getlk(struct request *r);
int do_setlk(struct request *r);
int do_setlkw(struct request *r);
int do_interrupt(struct request *r);

/* xattr.c */
int do_getxattr(struct request *r);
int do_setxattr(struct request *r);
int do_listxattr(struct request *r);
int do_removexattr(struct request *r);
