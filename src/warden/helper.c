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
 *   BEGUN     it lives, or was killed: wait for its end
 *   ANSWERED  nothing is left to do
 *
 * A helper that was killed after it said which mount it was going to attach, and has attached it,
 * is recognised by the mount's id in the caller's namespace: nothing is done twice.
 */
#include "config.h"
#include "warden/helper.h"

#include "lib/fd.h"
#include "lib/mnt.h"
#include "lib/sys.h"
#include "warden/mountlist.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#define PHASE_BITS 3
#define PHASE_MASK ((1U << PHASE_BITS) - 1)
#define TRIES	   2

/* How often the helper of a caller that was killed is looked at; it gets the rest of it to end. */
#define LOOK_MS 500

/* How long a helper that has begun may take to say who it is. */
#define NAME_TRIES 1000

static enum notify_phase phase_of(const struct notify_mail *m)
{
	return m->word & PHASE_MASK;
}

static void set_phase(struct notify_mail *m, enum notify_phase phase)
{
	m->word = (m->word & ~PHASE_MASK) | phase;
}

/* Only one of helper and successor gets the word. */
static bool take_word(struct notify_mail *m, uint32_t number, enum notify_phase to)
{
	uint32_t offered = number | MAIL_OFFERED;

	return atomic_compare_exchange_strong(&m->word, &offered, number | to);
}

static void let_go_of(const struct request *r)
{
	int keep[] = { 0,
		       1,
		       2,
		       r->listener,
		       r->host_proc,
		       r->notify->views_fd,
		       r->notify->shop_ns,
		       r->notify->userns_fd };

	if (fd_close_all_but(keep, sizeof(keep) / sizeof(keep[0])) < 0)
		_exit(1);
	munmap(r->notify->shared, sizeof(*r->notify->shared));
}

static void undo(const struct job *job)
{
	/* On top of a mount of its own "." is what to unmount, wherever it was moved since. */
	if (job->undo >= 0 && fchdir(job->undo) == 0)
		umount2(".", MNT_DETACH);
}

static void send_answer(struct job *job, int64_t value)
{
	struct seccomp_notif_resp resp = { .id = job->request->notif->id };
	int r;

	if (value == JOB_CONTINUE) {
		resp.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
		ioctl(job->request->listener, SECCOMP_IOCTL_NOTIF_SEND, &resp);
	} else {
		r = visit_answer(job->request, value);
		if (r == -ENOENT)
			undo(job);
	}
	set_phase(job->mail, MAIL_ANSWERED);
}

static void be_helper(struct request *r, uint32_t number, job_fn *run, const void *arg)
{
	const struct seccomp_notif notif = *r->notif;
	struct request own = *r;
	struct job job = { .request = &own, .mail = r->mail, .arg = arg, .undo = -1 };

	if (!take_word(r->mail, number, MAIL_BEGUN))
		_exit(0);
	proc_identify(getpid(), &r->mail->helper);
	set_phase(r->mail, MAIL_NAMED);
	own.notif = &notif;
	let_go_of(&own);
	send_answer(&job, run(&job));
	_exit(0);
}

/* Until the helper has ended; it is made to, if nobody waits for what it does. */
static void wait_end(const struct request *r, int pidfd)
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

/* A predecessor's helper, not our child. */
static void wait_inherited(const struct request *r)
{
	uint32_t word = r->mail->word;
	int pidfd;

	/* Not begun: then it never will. */
	if ((word & PHASE_MASK) == MAIL_OFFERED &&
	    take_word(r->mail, word & ~PHASE_MASK, MAIL_FREE))
		return;
	for (int i = 0; i < NAME_TRIES && phase_of(r->mail) == MAIL_BEGUN; i++)
		usleep(1000);
	if (phase_of(r->mail) == MAIL_FREE || phase_of(r->mail) == MAIL_ANSWERED)
		return;
	pidfd = proc_open(&r->mail->helper);
	if (pidfd < 0)
		return;
	wait_end(r, pidfd);
	close(pidfd);
}

/* Did a helper that was killed attach what it was going to? */
static bool was_attached(const struct request *r)
{
	struct mountlist list;
	char path[64];
	bool found;

	if (!r->mail->mount_id)
		return false;
	snprintf(path, sizeof(path), "%u/mountinfo", r->notif->pid);
	found = mountlist_read(r->host_proc, path, &list) == 0 &&
		mountlist_by_id(&list, r->mail->mount_id);
	mountlist_free(&list);
	return found;
}

/* Return: is the call done with? */
static bool settle(struct request *r)
{
	bool answered = phase_of(r->mail) == MAIL_ANSWERED;

	if (!answered && was_attached(r)) {
		request_answer(r, 0);
		return true;
	}
	r->answered = answered;
	return answered;
}

static void run_once(struct request *r, job_fn *run, const void *arg)
{
	uint32_t number = (r->mail->word | PHASE_MASK) + 1;
	int pidfd, status;
	pid_t pid;

	r->mail->mount_id = 0;
	r->mail->helper = (struct proc_id){ 0 };
	r->mail->word = number | MAIL_OFFERED;
	pid = fork();
	if (pid == 0)
		be_helper(r, number, run, arg);
	if (pid < 0)
		return;
	pidfd = sys_pidfd_open(pid);
	if (pidfd >= 0)
		wait_end(r, pidfd);
	waitpid(pid, &status, 0);
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
	set_phase(r->mail, MAIL_FREE);
	return done;
}

/**
 * helper_forget() - no helper works for this thread's next call yet
 */
void helper_forget(struct notify_mail *mail)
{
	set_phase(mail, MAIL_FREE);
}

/**
 * helper_run() - have @run carried out by a helper, once, and the caller answered
 */
void helper_run(struct request *r, job_fn *run, const void *arg)
{
	bool done = false;

	pool_step_aside();
	for (int i = 0; i < TRIES && !done; i++) {
		run_once(r, run, arg);
		done = settle(r);
	}
	if (!done)
		request_answer(r, -EIO);
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
