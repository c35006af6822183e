/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a process of ours inside a container to the container's process: standard descriptors,
 * capabilities, seccomp filter, ids, exec. Shared by PID 1 and by `exec`, so that both get the
 * same.
 */
#include "config.h"
#include "runtime/init.h"

#include "lib/fd.h"
#include "lib/mediate.h"
#include "lib/mnt.h"
#include "lib/sys.h"
#include "runtime/caps.h"
#include "runtime/console.h"
#include "runtime/error.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* What we were started with: options, paths and names of the caller's. */
static struct {
	char *text;
	size_t len;
} command_line;

/**
 * child_remember_command_line() - what processes that are born inside are not to show
 */
void child_remember_command_line(int argc, char **argv)
{
	char *last = argv[argc - 1];

	command_line.text = argv[0];
	command_line.len = last + strlen(last) + 1 - argv[0];
}

/* Everybody may read /proc/PID/cmdline, and whoever stops us has time to. */
static void hide_command_line(void)
{
#ifndef MUTANT_COMMAND_LINE_SHOWN
	memset(command_line.text, 0, command_line.len);
#endif
}

/**
 * child_hide() - processes inside may not attach to us or look into our /proc directory, nor see
 * how we were called
 *
 * Said again after each change of credentials, which resets it to what fs.suid_dumpable says.
 */
void child_hide(void)
{
	if (command_line.len)
		hide_command_line();
#ifdef MUTANT_DUMPABLE_HELPER
	prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
#else
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
#endif
}

/**
 * child_reset_inherited() - give up what a caller's shell may have set: signals, affinity,
 * personality, timer slack, and a scheduling policy: one of real time has no place in a v1 cgroup
 * without a budget for it. (Limits, nice and oom score are reset by the launcher, from outside.)
 */
void child_reset_inherited(void)
{
	struct sigaction dfl = { .sa_handler = SIG_DFL };
	const struct sched_param other = { 0 };
	cpu_set_t cpus;
	sigset_t none;

#ifdef MUTANT_CALLER_INHERITED
	return;
#endif
	for (int sig = 1; sig < NSIG; sig++)
		sigaction(sig, &dfl, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	/* All of them; the kernel takes the intersection with the cpuset. */
	memset(&cpus, 0xff, sizeof(cpus));
	sched_setaffinity(0, sizeof(cpus), &cpus);
	sched_setscheduler(0, SCHED_OTHER, &other);
	personality(PER_LINUX);
	syscall(SYS_ioprio_set, 1 /* IOPRIO_WHO_PROCESS */, 0, 0);
	syscall(SYS_set_mempolicy, 0 /* MPOL_DEFAULT */, NULL, 0);
	prctl(PR_SET_TIMERSLACK, 50000, 0, 0, 0);
	prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0);
	prctl(PR_SET_THP_DISABLE, 0, 0, 0, 0);
}

static bool wants_pty(const struct child_common *c)
{
	return c->pty[0] || c->pty[1] || c->pty[2];
}

/* Show the pty as /dev/console, as container tools do; a container without that file lives on. */
static void show_console(int slave)
{
	autofd target = sys_openat2(AT_FDCWD, "/dev/console", O_PATH | O_NOFOLLOW,
				    RESOLVE_NO_SYMLINKS);
	autofd clone = -1;

	if (target < 0)
		return;
	clone = mnt_clone(slave, "", false);
	if (clone >= 0)
		mnt_attach_fd(clone, target);
}

/*
 * In a container that runs it may be anything, a file of a FUSE file system of its own too: who
 * closes that may wait for ever, which no signal ends. So the launcher hears of it before we close
 * it, and never gets it.
 */
static int open_master(int sync)
{
	int fd = open("/dev/pts/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0)
		child_fail(sync, EXIT_USAGE, errno, "open the container's /dev/pts/ptmx");
#ifndef MUTANT_MASTER_UNSEEN
	if (!console_is_master(fd))
		child_fail(sync, EXIT_USAGE, 0, CONSOLE_IS_NONE);
#endif
	return fd;
}

/**
 * child_open_pty() - make a pty of the container's own devpts, send its master to the launcher
 * @ret_slave: set to the slave, or left alone if no pty is wanted
 */
void child_open_pty(const struct child_common *c, int ret_slave[1])
{
	autofd master = -1;
	int unlock = 0, slave;

	if (!wants_pty(c))
		return;
	master = open_master(c->sync);
	if (ioctl(master, TIOCSPTLCK, &unlock) < 0)
		child_fail(c->sync, EXIT_USAGE, errno,
			   "make a terminal in the container's /dev/pts");
	slave = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (slave < 0)
		child_fail(c->sync, EXIT_USAGE, errno, "open the container's terminal");
	/* The slave is the container's own inode: no file of the host changes its owner. */
	if (c->process->uid != 0 && fchown(slave, c->process->uid, -1) < 0)
		child_fail(c->sync, EXIT_USAGE, errno, "own the container's terminal");
	if (c->console)
		show_console(slave);
	child_send(c->sync, CHILD_CONSOLE, 0, master);
	*ret_slave = slave;
}

static void set_stdio(const struct child_common *c, int slave)
{
	int fds[3];

	/* Out of the way first: a source may be 0, 1 or 2 itself. */
	for (int i = 0; i < 3; i++) {
		fds[i] = fcntl(c->pty[i] ? slave : c->stdio[i], F_DUPFD_CLOEXEC, 10);
		if (fds[i] < 0)
			child_fail(c->sync, EXIT_USAGE, errno, "standard descriptor %d", i);
	}
	for (int i = 0; i < 3; i++)
		if (dup2(fds[i], i) < 0)
			child_fail(c->sync, EXIT_USAGE, errno, "standard descriptor %d", i);
	if (slave >= 0 && ioctl(slave, TIOCSCTTY, 0) < 0)
		child_fail(c->sync, EXIT_USAGE, errno, "take the terminal");
}

/*
 * Everything but 0, 1, 2, what the command inherits from 3 on, and the socket, which comes next and
 * goes at the exec.
 */
static int close_the_rest(int sync, int preserve)
{
	int to = 3 + preserve;

	if (sync != to && dup3(sync, to, O_CLOEXEC) < 0)
		_exit(EXIT_USAGE);
	for (int fd = 3; fd < to; fd++)
		fd_set_cloexec(fd, false);
#ifndef MUTANT_FD_LEFT_OPEN
	sys_close_range(to + 1, ~0U, 0);
#else
	fd_set_cloexec(open("/", O_RDONLY), false);
#endif
	return to;
}

/*
 * Who listens must have the listener before anything that we do from here on can be notified; that
 * it has, or that there will be none, is the launcher's word.
 */
static void hand_over(int sync, int listener, enum child_listener whose)
{
	child_send(sync, CHILD_LISTENER, whose, listener);
	child_wait(sync, CHILD_GO_LISTENER, NULL);
	close(listener);
}

/*
 * The warden's filter: in addition to the profile's, and before it, which may allow nobody to load
 * another one. Before Linux 5.19 a signal can end a call while the warden works on it.
 */
static void load_mediation(int sync, const struct seccomp *s)
{
	unsigned int flags = SECCOMP_FILTER_FLAG_SPEC_ALLOW, patient = 0;
	int fd;

	if (!s->mediation.filter)
		return;
	if (s->mediation_listens) {
		flags |= SECCOMP_FILTER_FLAG_NEW_LISTENER;
		patient = SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV;
	}
	fd = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags | patient, &s->mediation);
	if (fd < 0 && errno == EINVAL)
		fd = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &s->mediation);
	if (fd < 0)
		child_fail(sync, EXIT_USAGE, errno, "load the warden's seccomp filter");
	if (s->mediation_listens)
		hand_over(sync, fd, CHILD_LISTENER_WARDEN);
}

static void load_filter(int sync, const struct seccomp *s)
{
	int fd;

	load_mediation(sync, s);
	if (!s->filter.filter)
		return;
	fd = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, s->flags, &s->filter);
	if (fd < 0)
		child_fail(sync, EXIT_USAGE, errno, "load the seccomp filter");
	if (s->listener)
		hand_over(sync, fd, CHILD_LISTENER_AGENT);
}

/* EINVAL is all that the kernel says of an id beyond the container's range. */
static G_GNUC_NORETURN void fail_ids(int sync, const char *what, const char *which)
{
	if (errno == EINVAL)
		child_fail(sync, EXIT_USAGE, 0,
			   "%s %s: not among the container's ids, which are 0 to 65535 unless "
			   "the specification maps more",
			   what, which);
	child_fail(sync, EXIT_USAGE, errno, "%s %s", what, which);
}

static const char *id_text(char text[16], uint32_t id)
{
	snprintf(text, 16, "%u", id);
	return text;
}

static void set_ids(int sync, const struct spec_process *p)
{
	size_t n = p->groups ? p->groups->len : 0;
	const gid_t *groups = n ? &g_array_index(p->groups, gid_t, 0) : NULL;
	char text[16];

	if (setgroups(n, groups) < 0)
		fail_ids(sync, "take the additional", "groups");
	if (setresgid(p->gid, p->gid, p->gid) < 0)
		fail_ids(sync, "become group", id_text(text, p->gid));
	if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0 || setresuid(p->uid, p->uid, p->uid) < 0)
		fail_ids(sync, "become user", id_text(text, p->uid));
	prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0);
	child_hide();
}

static void enter_cwd(int sync, const char *path)
{
	char cwd[4096];

	if (chdir(path) < 0)
		child_fail(sync, EXIT_USAGE, errno, "working directory \"%s\"", path);
	/* CVE-2024-21626: a directory outside this root answers "(unreachable)". */
	if (syscall(SYS_getcwd, cwd, sizeof(cwd)) < 0)
		cwd[0] = '\0';
#ifndef MUTANT_CWD_UNCHECKED
	if (cwd[0] != '/')
		child_fail(sync, EXIT_USAGE, 0, "working directory \"%s\" is outside the container",
			   path);
#endif
}

/*
 * Give up what the command must not have.
 * @seccomp: what to load
 * @cwd: where to go as the command's user, or NULL
 */
static void confine(const struct child_common *c, int sync, const struct seccomp *seccomp,
		    const char *cwd)
{
	const struct spec_process *p = c->process;

	/* Without no_new_privs the filter needs a capability that may be dropped right after. */
	if (!p->no_new_privs)
		load_filter(sync, seccomp);
	if (caps_drop_bounding(p->caps.bounding) < 0)
		child_fail(sync, EXIT_USAGE, errno, "drop capabilities");
	set_ids(sync, p);
	if (cwd)
		enter_cwd(sync, cwd);
	if (caps_set(p->caps.effective, p->caps.permitted, p->caps.inheritable) < 0)
		child_fail(sync, EXIT_USAGE, errno, "set capabilities");
	caps_set_ambient(p->caps.ambient);
	if (p->no_new_privs) {
		prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
		load_filter(sync, seccomp);
	}
}

/**
 * child_confine_hook() - become what the command will be, for a program of the container that runs
 * before it
 *
 * A filter has one listener, and the command's is not there yet: what it would be asked fails.
 */
void child_confine_hook(const struct child_common *c, int sync)
{
	struct seccomp quiet = *c->seccomp;
	struct sock_filter deny[MEDIATE_FILTER_MAX];

	quiet.listener = false;
	if (quiet.mediation.filter) {
		quiet.mediation_listens = false;
		quiet.mediation.filter = deny;
		quiet.mediation.len = mediate_filter(deny,
						     MEDIATE_BIT(MEDIATE_SYSINFO) | MEDIATE_UNHEARD,
						     SECCOMP_RET_ERRNO | ENOSYS);
	}
	quiet.flags &= ~(unsigned int)(SECCOMP_FILTER_FLAG_NEW_LISTENER |
				       SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV);
	confine(c, sync, &quiet, NULL);
}

/**
 * child_become() - become the command of the specification
 * @slave: the container's pty, or -1
 */
void child_become(const struct child_common *c, int slave)
{
	const struct spec_process *p = c->process;
	int sync = c->sync;

	set_stdio(c, slave);
	sync = close_the_rest(sync, c->preserve_fds);
	umask(p->umask);
	personality(c->personality);
	confine(c, sync, c->seccomp, p->cwd);
	child_exec_command(sync, p);
}
