/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The notifier: the warden's process that answers the system calls of a container's processes.
 */
#include "lib/mediate.h"
#include "lib/proc.h"

#include <poll.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* One for PID 1 and one for each process that `exec` brought, as long as its children live. */
#define NOTIFY_LISTENERS 256

/* Calls that are worked on at a time; the others wait in the kernel. */
#define NOTIFY_THREADS 16

enum notify_state {
	NOTIFY_FREE,
	NOTIFY_RECEIVING, /* perhaps received: then it has an id */
	NOTIFY_RECEIVED,
	NOTIFY_DONE, /* `resp` says what, and may have been sent */
};

/*
 * The journal: one line per thread, in memory that outlives the process. What is received is
 * received into it, so that a successor answers what its predecessor took.
 */
struct notify_slot {
	_Atomic uint32_t state;
	int32_t listener;
	uint32_t heirs; /* so many successors have taken the call over */
	union {
		struct seccomp_notif notif;
		char room[512]; /* a newer kernel's may be longer */
	};
	struct seccomp_notif_resp resp;
};

/* In memory that warden, twin and notifier share. */
struct notify_shared {
	struct proc_id notifier;
	struct notify_slot slots[NOTIFY_THREADS];
};

/* How far the helper of a thread has come; above it the number of the helper. */
enum notify_phase {
	MAIL_FREE,
	MAIL_OFFERED, /* it was forked, and may be going to begin */
	MAIL_BEGUN,
	MAIL_NAMED,    /* `helper` says who it is */
	MAIL_ANSWERED, /* the caller has its answer */
};

/*
 * What a helper tells: all that it shares with us. It does what it was made for, answers the caller
 * and says so here, whoever of us lives then.
 */
struct notify_mail {
	_Atomic uint32_t word;
	_Atomic int mount_id;	/* of what it is about to attach; 0: nothing yet */
	_Atomic int unmount_id; /* of what it is about to detach */
	_Atomic bool tried;	/* a helper of this call was about to do what no such id tells of */
	struct proc_id helper;
};

/* What warden and twin keep for the notifier. */
struct notify {
	int memory_fd; /* memfd: */
	struct notify_shared *shared;
	struct notify_mail *mail;
	int listeners[NOTIFY_LISTENERS]; /* -1: none */
	int lock_fd;			 /* memfd: one notifier at a time */
	int socket;			 /* where they come in */
	int link[2];			 /* the warden's and the notifier's end */
	int twin;			 /* warden: where its twin hears of listeners; -1: none */
	bool twin_behind;		 /* it could not be told */
	int pidfd;
	int views_fd;	       /* the server's file system */
	struct proc_id init;   /* the container's first process */
	int shop_ns;	       /* the workshop, where all that covers is */
	struct covers *covers; /* in the notifier: what is there */
	int kept[2];	       /* the trees that fsmount.c keeps: one end of a pair and the other */
	int userns_fd;	       /* the container's */
	unsigned int grants;   /* WARDEN_GRANT_* */
	int swap_dir; /* where the container's limit of swap is; -1: nobody may switch it */
	bool swap_v2;
	int swap_state;	     /* of swaplimit_open(), or -1 */
	uid_t uid;	     /* the container's root on the host */
	int64_t boot_offset; /* ns of CLOCK_BOOTTIME when the container's clocks began */
	bool over;	     /* PID 1 ends, and with it whoever is inside */
};

/*
 * Warden to notifier and to twin, with a descriptor: a new listener. Without, from the notifier and
 * to the twin: it is over.
 */
struct notify_word {
	int32_t index;
};

int notify_init(struct notify *n, int dir_fd);
int notify_resume(struct notify *n);
bool notify_accept(struct notify *n, int *ret_conn);
void notify_reply(int conn, int answer);
void notify_hear(struct notify *n);
void notify_follow(struct notify *n, int link);
void notify_tend(struct notify *n);
void notify_adopt(struct notify *n);
int notify_watch(const struct notify *n, struct pollfd *p);
bool notify_called(struct notify *n, const struct pollfd *p, int count);
void notify_learn(struct notify *n, const struct proc_id *init, int shop_ns);
void notify_end(struct notify *n);

/* In the notifier. */
void pool_run(struct notify *n, int host_proc) __attribute__((noreturn));
void pool_step_aside(void);

/* A call that is worked on. */
struct request {
	const struct notify *notify;
	int host_proc;
	int listener;
	const struct seccomp_notif *notif; /* our own copy */
	enum mediate_abi abi;
	struct seccomp_notif_resp *resp;
	struct notify_mail *mail;
	bool answered; /* by a helper */
};

bool request_alive(const struct request *r);
void request_continue(struct request *r);
void request_answer(struct request *r, int64_t value);
int request_open(const struct request *r, const char *file, int flags);
int request_read_string(const struct request *r, uint64_t address, char *buf, size_t size);
int request_read(const struct request *r, uint64_t address, void *data, size_t len);
int request_take_fd(const struct request *r, int number);
int request_write(const struct request *r, uint64_t address, const void *data, size_t len);

/* What the views say, as numbers. */
struct notify_facts {
	uint64_t total_ram, free_ram, shared_ram, buffer_ram, total_swap, free_swap; /* bytes */
	unsigned int loads[3]; /* hundredths */
	unsigned int procs;
	unsigned int cpus;
};
int notify_facts_get(const struct notify *n, struct notify_facts *ret);

void sysinfo_handle(struct request *r);
void affinity_handle(struct request *r);
void mount_handle(struct request *r);
void umount_handle(struct request *r, bool has_flags);
void fsopen_handle(struct request *r);
void fsmount_handle(struct request *r);
void fspick_handle(struct request *r);
void setattr_handle(struct request *r);
void mknod_handle(struct request *r, bool has_dirfd);
void setxattr_handle(struct request *r, enum mediate_call call);
void setxattrat_handle(struct request *r);
void swap_handle(struct request *r, bool on);
