/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A short-lived process for one call.
 *
 * Theory of operation. The helper does what it was made for and answers the caller itself, so that
 * nothing has to be known by anybody who may die in between; if nobody waits for the answer any
 * more (before Linux 5.19 a signal is enough) it takes back what it did. The notifier only waits
 * for its end. If the notifier dies, the helper goes on; the successor finds in the mail how far it
 * was:
 *
 *   OFFERED   it has not begun; it never will, since the successor takes the word from it
 *   BEGUN     it says who it is, and before that does nothing: the word can still be taken from it
 *   NAMED     it lives, or was killed: wait for its end
 *   ANSWERED  nothing is left to do
 *
 * A helper that was killed after it said which mount it was going to attach (or detach), and has
 * done it, is recognised by the mount's id, which is (or is not) in the caller's namespace: nothing
 * is done twice. What has no such id (a file below a node, the limit of swap) is marked as tried
 * before it is done: the next helper takes what it finds done for the work of the one before.
 */
#include "config.h"
#include "warden/helper.h"

#include "lib/fd.h"
#include "lib/look.h"
#include "lib/mnt.h"
#include "lib/sys.h"
#include "warden/covers.h"
#include "warden/mountlist.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define PHASE_BITS 3
#define PHASE_MASK ((1U << PHASE_BITS) - 1)
#define TRIES	   2

/*
 * How often it is looked whether the caller still waits. If it does not, its helper has two such
 * periods more to end by itself; then it is killed.
 */
#define LOOK_MS 500

/* How long an unmount waits for helpers that may have answered and not ended yet. */
#define LAST_MS 200

/* How long a helper that has begun may take to say who it is. */
#define NAME_TRIES 1000

static enum notify_phase phase_of(const struct notify_mail *m)
{
	return m->word & PHASE_MASK;
}

static void free_mail(struct notify_mail *m)
{
	m->word &= ~PHASE_MASK;
}

/*
 * Move the mail on to another phase. Of helper and successor only one can; and a helper that is not
 * the latest never can, since the mail has another @number by then.
 */
static bool advance(struct notify_mail *m, uint32_t number, enum notify_phase from,
		    enum notify_phase to)
{
	uint32_t expected = number | from;

	return atomic_compare_exchange_strong(&m->word, &expected, number | to);
}

/**
 * helper_let_go() - close and unmap what is not for a process that enters namespaces of a container
 * @own: descriptors that it has besides, or -1
 */
void helper_let_go(const struct request *r, const int own[HELPER_OWN])
{
	int keep[] = { 0,
		       1,
		       2,
		       r->listener,
		       r->host_proc,
		       r->notify->kept[0],
		       r->notify->kept[1],
		       r->notify->views_fd,
		       r->notify->shop_ns,
		       r->notify->userns_fd,
		       r->notify->covers->shop_root,
		       r->notify->covers->stock,
		       r->notify->covers->pattern,
#ifdef MUTANT_SWAP_HELD_BY_ALL
		       r->notify->swap_dir,
		       r->notify->swap_state,
#endif
		       own[0],
		       own[1] };

	if (fd_close_all_but(keep, sizeof(keep) / sizeof(keep[0])) < 0)
		_exit(1);
	munmap(r->notify->shared, sizeof(*r->notify->shared));
}

/* The very mount, wherever it was moved since: by descriptor, in the host's procfs. */
static int unmount(const struct job *job, int mount_fd)
{
	char path[32];

	snprintf(path, sizeof(path), "self/fd/%d", mount_fd);
	if (fchdir(job->request->host_proc) < 0 || umount2(path, MNT_DETACH) < 0)
		return -errno;
	return 0;
}

static void undo(const struct job *job)
{
	autofd fd = -1;

	if (job->undo >= 0)
		unmount(job, job->undo);
	if (!job->undo_path[0])
		return;
	fd = open(job->undo_path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd >= 0 && sys_mount_id(fd) == job->mail->mount_id && unmount(job, fd) == 0)
		visit_unlink(&job->visit, AT_FDCWD, job->undo_path);
}

static void send_answer(struct job *job, uint32_t number, int64_t value)
{
	struct seccomp_notif_resp resp = { .id = job->request->notif->id };
	int r;

	if (value == JOB_CONTINUE) {
		resp.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
		ioctl(job->request->listener, SECCOMP_IOCTL_NOTIF_SEND, &resp);
	} else {
		r = value == 0 && job->gift >= 0
			    ? visit_answer_fd(job->request, job->gift, job->gift_cloexec)
			    : visit_answer(job->request, value);
		if (r == -ENOENT)
			undo(job);
	}
	advance(job->mail, number, MAIL_NAMED, MAIL_ANSWERED);
}

/*
 * The container decides how many mounts become of one, by making its target shared, and their
 * memory is the helpers': when that is used up it is the helper who goes, and the caller gets an
 * error, not those who look after the container.
 */
static void die_first(int host_proc)
{
#ifndef MUTANT_HELPER_SURVIVES
	fd_write_file_at(host_proc, "self/oom_score_adj", "1000");
#endif
}

static void be_helper(struct request *r, uint32_t number, const struct helper_task *task)
{
	const struct seccomp_notif notif = *r->notif;
	struct request own = *r;
	static struct job job;

	job = (struct job){
		.request = &own, .mail = r->mail, .arg = task->arg, .undo = -1, .gift = -1
	};
	if (!advance(r->mail, number, MAIL_OFFERED, MAIL_BEGUN))
		_exit(0);
	/* By the host's procfs: that of the workshop, on /proc, does not have us. */
	if (proc_identify_at(r->host_proc, getpid(), &r->mail->helper) < 0)
		_exit(1);
	/* A successor that did not get to know our name has given up on us. */
	if (!advance(r->mail, number, MAIL_BEGUN, MAIL_NAMED))
		_exit(0);
	own.notif = &notif;
	die_first(r->host_proc);
	helper_let_go(&own, task->own);
	send_answer(&job, number, task->run(&job));
	_exit(0);
}

/**
 * helper_wait_end() - wait until a process that works for a caller has ended; it is made to, if
 * nobody waits for what it does
 */
void helper_wait_end(const struct request *r, int pidfd)
{
	struct pollfd p = { .fd = pidfd, .events = POLLIN };
	int late = 0;

	for (;;) {
		int n = poll(&p, 1, LOOK_MS);

		if (n == 1)
			return;
		if (n == 0 && !request_alive(r) && ++late > 2)
			sys_pidfd_send_signal(pidfd, SIGKILL);
	}
}

/* A predecessor's helper, not our child. Afterwards it has ended, or never begins to act. */
static void wait_inherited(const struct request *r)
{
	struct notify_mail *m = r->mail;
	uint32_t number = m->word & ~PHASE_MASK;
	int pidfd;

	if (advance(m, number, MAIL_OFFERED, MAIL_FREE))
		return;
	/* It is about to write its name; written later that would be taken for the next one's. */
	for (int i = 0; i < NAME_TRIES && phase_of(m) == MAIL_BEGUN; i++)
		usleep(1000);
	if (advance(m, number, MAIL_BEGUN, MAIL_FREE) || phase_of(m) == MAIL_FREE)
		return;
#ifdef MUTANT_HELPER_UNAWAITED
	return;
#endif
	do {
		pidfd = proc_open_at(r->host_proc, &m->helper);
	} while (pidfd < 0 && pidfd != -ESRCH && usleep(1000) == 0);
	if (pidfd < 0)
		return;
	helper_wait_end(r, pidfd);
	close(pidfd);
}

/* Has a helper that was killed attached, or detached, what it was going to? */
static bool was_done(const struct request *r)
{
	int attached = r->mail->mount_id, id = attached ?: r->mail->unmount_id;
	char path[64];
	bool is_there;

	if (!id)
		return false;
	snprintf(path, sizeof(path), "%u/mountinfo", r->notif->pid);
	return mountlist_has(r->host_proc, path, &id, &is_there, 1) == 0 &&
	       is_there == (attached != 0);
}

/* Return: is the call done with? */
static bool settle(struct request *r)
{
	bool answered = phase_of(r->mail) == MAIL_ANSWERED;

	if (!answered && was_done(r)) {
		request_answer(r, 0);
		return true;
	}
	r->answered = answered;
	return answered;
}

static void run_once(struct request *r, const struct helper_task *task)
{
	uint32_t number = (r->mail->word | PHASE_MASK) + 1;
	struct rusage usage = { 0 };
	int pidfd, status;
	pid_t pid;

	r->mail->mount_id = r->mail->unmount_id = 0;
	r->mail->word = number | MAIL_OFFERED;
	pid = fork();
	if (pid == 0)
		be_helper(r, number, task);
	if (pid < 0)
		return;
	pidfd = sys_pidfd_open(pid);
	if (pidfd >= 0)
		helper_wait_end(r, pidfd);
	wait4(pid, &status, 0, &usage);
	rest_owe(&usage);
	if (pidfd >= 0)
		close(pidfd);
}

/**
 * helper_recover() - in a successor: is the call in the hands of a predecessor's helper?
 *
 * Return: true if nothing is left to do but to send the answer, if there is one.
 */
bool helper_recover(struct request *r)
{
	bool done;

	if (phase_of(r->mail) == MAIL_FREE)
		return false;
	wait_inherited(r);
	done = settle(r);
	free_mail(r->mail);
	return done;
}

/**
 * helper_forget() - no helper works for this thread's next call yet
 */
void helper_forget(struct notify_mail *mail)
{
	free_mail(mail);
	mail->tried = false;
}

/**
 * helper_try() - from here on it may be done, and nobody can tell if this helper is killed
 *
 * Return: had a helper before this one, for the same call, come as far? Then what is found may be
 * its work.
 */
bool helper_try(struct job *job)
{
#ifdef MUTANT_TRIES_FORGOTTEN
	return false;
#endif
	return atomic_exchange(&job->mail->tried, true);
}

/* Return: a pidfd of the helper that works for another call, or has and lives still; or -ESRCH. */
static int open_other(const struct request *r, const struct notify_mail *m)
{
	enum notify_phase phase = phase_of(m);
	struct proc_id helper;

	if (m == r->mail || (phase != MAIL_NAMED && phase != MAIL_ANSWERED))
		return -ESRCH;
	/* The next of that thread may be writing its name: no process has a mixture of both. */
	helper = m->helper;
	return proc_open_at(r->host_proc, &helper);
}

static int left_of(uint64_t end)
{
	uint64_t now = look_clock();

	return now < end ? (int)((end - now + 999999) / 1000000) : 0;
}

/**
 * helper_wait_others() - before an unmount
 *
 * A helper holds what it attached until it has ended, to be able to take it back, and its caller
 * may be quick: the kernel would find the mount busy.
 */
void helper_wait_others(const struct request *r)
{
	uint64_t end = look_clock() + LAST_MS * 1000000ULL;

	for (int i = 0; i < NOTIFY_THREADS; i++) {
		autofd pidfd = open_other(r, &r->notify->mail[i]);
		struct pollfd p = { .fd = pidfd, .events = POLLIN };

		if (pidfd < 0)
			continue;
		pool_step_aside();
		while (poll(&p, 1, left_of(end)) < 0 && errno == EINTR)
			;
	}
}

/**
 * helper_run_task() - have @task carried out by a helper, once, and the caller answered
 */
void helper_run_task(struct request *r, const struct helper_task *task)
{
	bool done = false;

	pool_step_aside();
	for (int i = 0; i < TRIES && !done; i++) {
		run_once(r, task);
		done = settle(r);
	}
	if (!done)
		request_answer(r, -EIO);
}

/**
 * helper_run() - the same for @run, which needs no descriptor but what all helpers have
 */
void helper_run(struct request *r, job_fn *run, const void *arg)
{
	const struct helper_task task = { .run = run, .arg = arg, .own = { -1, -1 } };

	helper_run_task(r, &task);
}

/**
 * helper_attach() - attach the detached @tree to @target, so that it happens once
 */
int64_t helper_attach(struct job *job, int tree, int target)
{
	int id = sys_mount_id(tree), r;

	job->mail->mount_id = id > 0 ? id : 0;
	r = mnt_attach_fd(tree, target);
	if (r == 0)
		job->undo = tree;
	return r;
}

/**
 * helper_give() - the call returns a descriptor of @fd, the caller's own, made with the answer
 */
int64_t helper_give(struct job *job, int fd, bool cloexec)
{
	job->gift = fd;
	job->gift_cloexec = cloexec;
	return 0;
}

/**
 * helper_detach() - detach the mount @id, whose root is the working directory, so that it happens
 * once
 */
int64_t helper_detach(struct job *job, int id)
{
	job->mail->unmount_id = id;
	return umount2(".", MNT_DETACH) < 0 ? -errno : 0;
}
