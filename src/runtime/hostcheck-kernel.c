/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The host check's namespaces, system calls and seccomp features.
 */
#include "config.h"
#include "runtime/hostcheck-internal.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/cgroup.h"
#include "lib/fd.h"
#include "lib/mediate.h"
#include "lib/sys.h"

static int do_nothing(void *arg)
{
	return 0;
}

static int enter_userns(void *arg)
{
	if (setns(*(int *)arg, CLONE_NEWUSER) < 0 || setresgid(0, 0, 0) < 0 ||
	    setresuid(0, 0, 0) < 0)
		return -errno;
	return 0;
}

static int unshare_in_child(void *arg)
{
	return unshare(*(int *)arg) < 0 ? -errno : 0;
}

static void check_userns(struct hostcheck *hc)
{
	char max[32] = "unknown";
	autofd fd = hostcheck_userns();
	int r = fd < 0 ? fd : hostcheck_in_child(0, enter_userns, &fd);

	fd_read_file_at(AT_FDCWD, "/proc/sys/user/max_user_namespaces", max, sizeof(max));
	if (r >= 0)
		hostcheck_add(hc, "user namespace", HOSTCHECK_OK, NULL,
			      "made with ids 0-65535 on %u; user.max_user_namespaces is %s",
			      HOSTCHECK_BASE, max);
	else
		hostcheck_add(hc, "user namespace", HOSTCHECK_MISSING,
			      "no container can run: raise user.max_user_namespaces, or use a "
			      "kernel with CONFIG_USER_NS",
			      "%s; user.max_user_namespaces is %s", g_strerror(-r), max);
	hostcheck_require(hc);
}

/**
 * hostcheck_namespaces() - which namespaces can be made, and is a user namespace among them?
 */
void hostcheck_namespaces(struct hostcheck *hc)
{
	static const struct {
		const char *name;
		guint64 flag;
	} kinds[] = { { "mount", CLONE_NEWNS },	   { "pid", CLONE_NEWPID },
		      { "network", CLONE_NEWNET }, { "ipc", CLONE_NEWIPC },
		      { "uts", CLONE_NEWUTS },	   { "cgroup", CLONE_NEWCGROUP } };
	g_autoptr(GString) have = g_string_new(NULL), lack = g_string_new(NULL);
	int newtime = CLONE_NEWTIME;

	check_userns(hc);
	for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++) {
		int r = hostcheck_in_child(kinds[i].flag, do_nothing, NULL);
		GString *list = r < 0 ? lack : have;

		g_string_append_printf(list, "%s%s", list->len ? ", " : "", kinds[i].name);
		if (r < 0)
			g_string_append_printf(list, " (%s)", g_strerror(-r));
	}
	if (lack->len)
		hostcheck_add(hc, "other namespaces", HOSTCHECK_MISSING,
			      "no container can run without all of them", "lacks %s", lack->str);
	else
		hostcheck_add(hc, "other namespaces", HOSTCHECK_OK, NULL, "%s", have->str);
	hostcheck_require(hc);
	hostcheck_add_result(
		hc, "time namespace", hostcheck_in_child(0, unshare_in_child, &newtime),
		"uptime and clocks begin with the container",
		"/proc/uptime is the container's, its monotonic clocks are the host's");
}

static int get_action(unsigned int action)
{
	return syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) < 0 ? -errno : 0;
}

/* Loads a filter that lets everything pass; returns its listener. */
static int load_listener(unsigned int flags)
{
	struct sock_filter allow = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	struct sock_fprog prog = { .len = 1, .filter = &allow };
	int fd;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -errno;
	fd = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER | flags,
		     &prog);
	return fd < 0 ? -errno : fd;
}

static int try_listener(void *arg)
{
	int fd = load_listener(*(unsigned int *)arg);

	return fd < 0 ? fd : 0;
}

static int try_sync_wake_up(void *arg)
{
	int fd = load_listener(0);

	if (fd < 0)
		return fd;
	return ioctl(fd, SECCOMP_IOCTL_NOTIF_SET_FLAGS, SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP) < 0
		       ? -errno
		       : 0;
}

/* Of the parent, in a child, as the notifier reads what a caller points to. */
static int try_reading(void *arg)
{
	char byte;
	struct iovec here = { &byte, 1 }, there = { arg, 1 };

	return process_vm_readv(getppid(), &here, 1, &there, 1, 0) < 0 ? -errno : 0;
}

/**
 * hostcheck_seccomp() - can system calls be mediated?
 */
void hostcheck_seccomp(struct hostcheck *hc)
{
	struct seccomp_notif_sizes sizes = { 0 };
	unsigned int none = 0, killable = SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV;
	int r = get_action(SECCOMP_RET_USER_NOTIF);

	if (r == 0 && syscall(SYS_seccomp, SECCOMP_GET_NOTIF_SIZES, 0, &sizes) < 0)
		r = -errno;
	if (r == 0)
		r = hostcheck_in_child(0, try_listener, &none);
	if (r < 0) {
		hostcheck_add(hc, "seccomp notification", HOSTCHECK_MISSING,
			      "mounting proc and sysfs inside (nested containers), sysinfo and "
			      "similar calls are not mediated",
			      "%s", g_strerror(-r));
		return;
	}
	hostcheck_add(hc, "seccomp notification", HOSTCHECK_OK, NULL,
		      "request of %u bytes, reply of %u", sizes.seccomp_notif,
		      sizes.seccomp_notif_resp);
	hostcheck_add_result(
		hc, "seccomp WAIT_KILLABLE_RECV", hostcheck_in_child(0, try_listener, &killable),
		"signals do not interrupt what the warden works on",
		"a call that a signal interrupts is undone and made again; it is never done while "
		"signals come faster than the warden works");
	hostcheck_add_result(hc, "seccomp SYNC_WAKE_UP",
			     hostcheck_in_child(0, try_sync_wake_up, NULL),
			     "caller and warden change over on one CPU",
			     "mediated calls take several times as long");
	hostcheck_add_result(
		hc, "seccomp arguments", hostcheck_in_child(0, try_reading, hc),
		"what a call inside points to can be read",
		"proc and sysfs cannot be mounted inside (nested containers): does a "
		"security module forbid it, as Yama's kernel.yama.ptrace_scope=3 does?");
}

static int try_into_cgroup(void)
{
	struct cgroups cg;
	int r = cgroup_detect(&cg);

	if (r < 0)
		return r;
	r = -ENOENT;
	for (int i = 0; i < cg.n; i++) {
		if (!cg.h[i].v2)
			continue;
		r = sys_clone3(0, SIGCHLD, NULL, cg.h[i].mount_fd);
		if (r == 0)
			_exit(0);
		if (r > 0)
			waitpid(r, NULL, 0);
		/* The call is there; a cgroup with controllers handed down takes no process. */
		else if (r == -EBUSY)
			r = 0;
	}
	cgroup_free(&cg);
	return r;
}

static void add_call(GString *lack, const char *name, int r)
{
	if (r == -ENOSYS)
		g_string_append_printf(lack, "%s%s", lack->len ? ", " : "", name);
}

static void check_required_calls(struct hostcheck *hc)
{
	g_autoptr(GString) lack = g_string_new(NULL);
	autofd dir = sys_openat2(AT_FDCWD, "/", O_PATH | O_DIRECTORY, 0);
	autofd pidfd = sys_pidfd_open(getpid());
	autofd tree = sys_open_tree(AT_FDCWD, "/", 0);

	add_call(lack, "openat2", dir);
	add_call(lack, "pidfd_open", pidfd);
	add_call(lack, "open_tree", tree);
	add_call(lack, "clone3", hostcheck_in_child(0, do_nothing, NULL));
	add_call(lack, "close_range", sys_close_range(~0u, ~0u, 0));
	if (lack->len)
		hostcheck_add(hc, "system calls", HOSTCHECK_MISSING, "no container can run",
			      "lacks %s", lack->str);
	else
		hostcheck_add(hc, "system calls", HOSTCHECK_OK, NULL,
			      "openat2, open_tree, clone3, close_range, pidfd_open");
	hostcheck_require(hc);
}

/**
 * hostcheck_syscalls() - which newer system calls does this kernel have?
 */
void hostcheck_syscalls(struct hostcheck *hc)
{
	int r = sys_mount_setattr(-1, false, 0, 0, -1);
	int abi;

	check_required_calls(hc);
	hostcheck_add_result(
		hc, "mount_setattr", r == -ENOSYS ? r : 0, "present",
		"no ID-mapped mounts: volumes and root file systems are served by shiftfs, and the "
		"host's /usr shows its owners as nobody");
	hostcheck_add_result(hc, "clone3 CLONE_INTO_CGROUP", try_into_cgroup(),
			     "a process is born in its v2 cgroup",
			     "a process is moved into its cgroups, which takes longer");
	abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	if (abi > 0)
		hostcheck_add(hc, "Landlock", HOSTCHECK_OK, NULL, "ABI %d", abi);
	else
		hostcheck_add(hc, "Landlock", HOSTCHECK_MISSING,
			      "helpers are confined by seccomp and capabilities alone", "%s",
			      g_strerror(errno));
}
