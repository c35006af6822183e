// SPDX-License-Identifier: Apache-2.0
/*
 * mediated: the calls for tests/lib/step.c, which has somebody killed at each step that the warden
 * makes for one. Standard input is a socket of messages:
 *
 *	we are told a call's name, prepare, and a child says "ready"; with "go" it makes the call
 *and says what that returned; we say "ended" when it has been collected, and after "look" what is
 *	there. Then all is as before.
 *
 * What a call looks at and writes to lies where whoever takes the caller's place has memory too.
 */
#include "config.h"
#include "mediated.h"
#include "step.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>
#include <sys/sysmacros.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* Flags of <sys/mount.h>, which does not go with <linux/mount.h>. */
#define DETACH 2

static struct step_memory *m; /* the call's strings and results */
static int given = -1;	      /* what the child opened before the call */

struct stepped {
	const char *name;
	int (*prepare)(void); /* or NULL */
	int (*begin)(void);   /* in the child, before "ready"; or NULL */
	int (*call)(void);
	void (*look)(char *text, size_t size);
};

static void say(const char *text)
{
	if (send(0, text, strlen(text), MSG_NOSIGNAL) < 0)
		_exit(1);
}

static bool hear(char *text, size_t size)
{
	ssize_t n = recv(0, text, size - 1, 0);

	if (n <= 0)
		return false;
	text[n] = '\0';
	return true;
}

/* Mounts on the target, those below it, and how many of those can be written to. */
struct found {
	int on, below, writable;
};

static struct found find(const char *top)
{
	FILE *f = fopen("/proc/self/mountinfo", "r");
	char line[8192], point[4096], options[256];
	struct found n = { 0 };
	size_t len = strlen(top);

	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%*d %*d %*s %*s %4095s %255s", point, options) != 2 ||
		    strncmp(point, top, len) != 0 || (point[len] && point[len] != '/'))
			continue;
		n.on += !point[len];
		n.below += point[len] == '/';
		n.writable += strncmp(options, "rw", 2) == 0;
	}
	if (f)
		fclose(f);
	return n;
}

static int proc_covers, sys_covers; /* that are on a whole tree */

static void look_tree(char *text, size_t size)
{
	struct found n = find(STEP_TARGET);
	bool whole = n.below == n.on * proc_covers || n.below == n.on * sys_covers;

	snprintf(text, size, whole ? "%d" : "%d torn", n.on);
}

static void look_plain(char *text, size_t size)
{
	snprintf(text, size, "%d", find(STEP_TARGET).on);
}

static void look_readonly(char *text, size_t size)
{
	struct found n = find(STEP_TARGET);

	snprintf(text, size, "%d writable", n.on == 1 && n.below == proc_covers ? n.writable : -1);
}

static void look_node(char *text, size_t size)
{
	struct stat st;
	int r = lstat(STEP_NODE, &st);

	snprintf(text, size, "%d %s", find(STEP_NODE).on,
		 r < 0		       ? "-"
		 : S_ISCHR(st.st_mode) ? "node"
				       : "file");
}

static void look_nothing(char *text, size_t size)
{
	snprintf(text, size, "-");
}

static int call_mount(const char *type, unsigned long flags)
{
	strcpy(m->type, type);
	strcpy(m->path, STEP_TARGET);
	return result(mount(m->type, m->path, m->type, flags, NULL));
}

static int mount_proc(void)
{
	return call_mount("proc", 0);
}

/* None of those that are clones of one. */
static int mount_anew(void)
{
	return call_mount("proc", 1 /* MS_RDONLY */);
}

static int mount_sysfs(void)
{
	return call_mount("sysfs", 0);
}

static int mount_tmpfs(void)
{
	return call_mount("tmpfs", 0);
}

static int call_umount(void)
{
	strcpy(m->path, STEP_TARGET);
	return result(umount2(m->path, 0));
}

/* There is one that others are cloned of. */
static int have_pattern(void)
{
	int r = mount_proc();

	return r < 0 ? r : call_umount();
}

static int bind_proc(void)
{
	strcpy(m->type, "/proc");
	strcpy(m->path, STEP_TARGET);
	return result(mount(m->type, m->path, NULL, 4096 /* MS_BIND */, NULL));
}

static int remount_readonly(void)
{
	strcpy(m->path, STEP_TARGET);
	/* MS_REMOUNT, MS_BIND, MS_RDONLY, and what is locked on it */
	return result(mount(NULL, m->path, NULL, 32 | 4096 | 1 | 2 | 4 | 8, NULL));
}

static int setattr_readonly(void)
{
	m->attr.attr_set = MOUNT_ATTR_RDONLY;
	strcpy(m->path, STEP_TARGET);
	return result(syscall(SYS_mount_setattr, AT_FDCWD, m->path, 0, &m->attr, sizeof(m->attr)));
}

static int count_fds(void)
{
	int n = 0;

	for (int fd = 0; fd < 64; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

/* One descriptor, and no other that nobody knows of. */
static int one_more(int before, long fd)
{
	int r = result(fd);

	return r < 0 ? r : count_fds() == before + 1 ? 0 : -EMFILE;
}

static int call_fsopen(void)
{
	int before = count_fds();

	strcpy(m->type, "proc");
	return one_more(before, syscall(SYS_fsopen, m->type, 0));
}

static int begin_fsmount(void)
{
	int r = 0;

	given = (int)syscall(SYS_fsopen, "proc", 0);
	if (given < 0 || syscall(SYS_fsconfig, given, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		r = -errno;
	return r;
}

static int call_fsmount(void)
{
	int before = count_fds();
	int fd = (int)syscall(SYS_fsmount, given, 0, 0), r = one_more(before, fd);

	if (r < 0)
		return r;
	return result(
		syscall(SYS_move_mount, fd, "", AT_FDCWD, STEP_TARGET, MOVE_MOUNT_F_EMPTY_PATH));
}

static int call_fspick(void)
{
	int before = count_fds();

	strcpy(m->path, STEP_TARGET);
	return one_more(before, syscall(SYS_fspick, AT_FDCWD, m->path, 0));
}

static int call_mknod(void)
{
	strcpy(m->path, STEP_NODE);
	return result(mknod(m->path, S_IFCHR | 0666, makedev(1, 3)));
}

static int call_setxattr(void)
{
	strcpy(m->path, STEP_TARGET);
	strcpy(m->type, "trusted.overlay.opaque");
	m->value[0] = 'y';
	return result(syscall(SYS_setxattr, m->path, m->type, m->value, 1, 0));
}

static int call_swapoff(void)
{
	strcpy(m->path, "/dev/swap");
	return result(syscall(SYS_swapoff, m->path));
}

static int call_swapon(void)
{
	strcpy(m->path, "/dev/swap");
	return result(syscall(SYS_swapon, m->path, 0));
}

/* Where the host has none nothing shows, but it can be switched. */
static void look_swap(char *text, size_t size)
{
	snprintf(text, size, "%s", call_swapoff() == 0 ? "on" : "off");
}

static int call_sysinfo(void)
{
	int r = result(sysinfo(&m->info));

	return r < 0 ? r : m->info.totalram ? 0 : -ENODATA;
}

static int call_affinity(void)
{
	int r = result(syscall(SYS_sched_getaffinity, 0, sizeof(m->cpus), m->cpus));

	return r < 0 ? r : m->cpus[0] ? 0 : -ENODATA;
}

static const struct stepped calls[] = {
	{ "mount-proc", have_pattern, NULL, mount_proc, look_tree },
	{ "mount-first", NULL, NULL, mount_proc, look_tree },
	{ "mount-anew", NULL, NULL, mount_anew, look_tree },
	{ "mount-sysfs", NULL, NULL, mount_sysfs, look_tree },
	{ "umount", mount_proc, NULL, call_umount, look_tree },
	{ "umount-tmpfs", mount_tmpfs, NULL, call_umount, look_plain },
	{ "bind", NULL, NULL, bind_proc, look_tree },
	{ "readonly", mount_proc, NULL, remount_readonly, look_readonly },
	{ "setattr", mount_proc, NULL, setattr_readonly, look_readonly },
	{ "fsopen", NULL, NULL, call_fsopen, look_nothing },
	{ "fsmount", NULL, begin_fsmount, call_fsmount, look_tree },
	{ "fspick", mount_proc, NULL, call_fspick, look_nothing },
	{ "mknod", NULL, NULL, call_mknod, look_node },
	{ "setxattr", NULL, NULL, call_setxattr, look_nothing },
	{ "swapoff", NULL, NULL, call_swapoff, look_swap },
	{ "swapon", call_swapoff, NULL, call_swapon, look_swap },
	{ "sysinfo", NULL, NULL, call_sysinfo, look_nothing },
	{ "affinity", NULL, NULL, call_affinity, look_nothing },
	{ 0 },
};

static void clean(void)
{
	while (umount2(STEP_TARGET, DETACH) == 0)
		;
	while (umount2(STEP_NODE, DETACH) == 0)
		;
	unlink(STEP_NODE);
	call_swapon();
}

static void be_caller(const struct stepped *s)
{
	char text[64];
	int r = s->begin ? s->begin() : 0;

	if (r == 0)
		say("ready");
	if (r == 0 && !hear(text, sizeof(text)))
		_exit(1);
	if (r == 0)
		r = s->call();
	say(r < 0 ? strerrorname_np(-r) : "0");
	_exit(0);
}

static void serve(const struct stepped *s)
{
	char text[64];
	pid_t pid;
	int r = s->prepare ? s->prepare() : 0;

	if (r < 0)
		fprintf(stderr, "%s: cannot prepare: %s\n", s->name, strerrorname_np(-r));
	pid = r < 0 ? -1 : fork();
	if (pid == 0)
		be_caller(s);
	waitpid(pid, NULL, 0);
	say("ended");
	if (!hear(text, sizeof(text)))
		_exit(1);
	s->look(text, sizeof(text));
	clean();
	say(text);
}

static int steps(char **a)
{
	char name[64];

	(void)a;
	m = mmap(STEP_MEMORY, sizeof(*m), PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
	if (m == MAP_FAILED)
		return -errno;
	mkdir(STEP_TARGET, 0755);
	clean();
	if (mount_proc() < 0)
		return -EIO;
	proc_covers = find(STEP_TARGET).below;
	clean();
	if (mount_sysfs() < 0)
		return -EIO;
	sys_covers = find(STEP_TARGET).below;
	clean();
	while (hear(name, sizeof(name))) {
		const struct stepped *s = calls;

		while (s->name && strcmp(s->name, name) != 0)
			s++;
		if (!s->name)
			return -EINVAL;
		serve(s);
	}
	return 0;
}

const struct call mediated_steps[] = {
	{ "steps", steps, 0, "" },
	{ 0 },
};
