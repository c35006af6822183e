// SPDX-License-Identifier: Apache-2.0
/*
 * newmount: procfs, sysfs and others by the new mount API, as its users do and as attackers would,
 * by name; see calls.h. Options are KEY or KEY=VALUE for fsconfig(2); @noexec, @ro are attributes
 * of the mount.
 */
#include "config.h"
#include "newmount.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/mount.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

static int new_context(const char *type)
{
	return result(syscall(SYS_fsopen, type, FSOPEN_CLOEXEC));
}

static int create(int fs)
{
	return result(syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0));
}

static int make_mount(int fs, unsigned int attrs)
{
	return result(syscall(SYS_fsmount, fs, FSMOUNT_CLOEXEC, attrs));
}

static int set(int fs, char *option)
{
	char *value = strchr(option, '=');

	if (!value)
		return result(syscall(SYS_fsconfig, fs, FSCONFIG_SET_FLAG, option, NULL, 0));
	*value++ = '\0';
	return result(syscall(SYS_fsconfig, fs, FSCONFIG_SET_STRING, option, value, 0));
}

/* TYPE [OPTION]...: by fsmount(2) with @flags, a detached mount but for FSMOUNT_NAMESPACE. */
int new_flagged(unsigned int flags, char **a)
{
	unsigned int attrs = 0;
	int fs = new_context(a[0]), r = fs < 0 ? fs : 0;

	for (int i = 1; r == 0 && a[i]; i++)
		if (strcmp(a[i], "@noexec") == 0)
			attrs |= MOUNT_ATTR_NOEXEC;
		else if (strcmp(a[i], "@ro") == 0)
			attrs |= MOUNT_ATTR_RDONLY;
		else
			r = set(fs, a[i]);
	if (r == 0)
		r = create(fs);
	if (r == 0)
		r = result(syscall(SYS_fsmount, fs, flags | FSMOUNT_CLOEXEC, attrs));
	if (fs >= 0)
		close(fs);
	return r;
}

int new_mount(char **a)
{
	return new_flagged(0, a);
}

static int attach(int fd, const char *part, const char *target)
{
	return result(syscall(SYS_move_mount, fd, part, AT_FDCWD, target,
			      *part ? 0 : MOVE_MOUNT_F_EMPTY_PATH));
}

static int do_mount(char **a)
{
	int fd = new_mount(a + 1);

	return fd < 0 ? fd : attach(fd, "", a[0]);
}

/* Is what is called @name below @dir one of cloister-fs? */
bool is_bare(int dir, const char *name)
{
	int fd = openat(dir, name, O_RDONLY | O_NONBLOCK);
	struct statfs fs;
	bool bare = fd >= 0 && fstatfs(fd, &fs) == 0 && fs.f_type != FUSE_SUPER_MAGIC;

	if (fd >= 0)
		close(fd);
	return bare;
}

/* TARGET TYPE: made read-only before it is attached, as crun does. */
static int mount_readonly(char **a)
{
	struct mount_attr attr = { .attr_set = MOUNT_ATTR_RDONLY };
	int fd = new_mount(a + 1);

	if (fd < 0)
		return fd;
	if (syscall(SYS_mount_setattr, fd, "", AT_EMPTY_PATH, &attr, sizeof(attr)) < 0)
		return -errno;
	return attach(fd, "", a[0]);
}

/* FILE TYPE: is it covered in a mount that is not attached, also when that cannot be any more? */
static int never_attached(char **a)
{
	int fd = new_mount(a + 1), other;

	if (fd < 0)
		return fd;
	for (int i = 0; i < 40; i++) {
		if (is_bare(fd, a[0]))
			return -ENODATA;
		other = new_mount(a + 1);
		if (other < 0)
			return other;
		close(other);
	}
	return attach(fd, "", "/new") == 0 ? -EEXIST : 0;
}

/* FILE TARGET TYPE: its cover alone, taken off the detached tree. */
static int take_cover(char **a)
{
	int fd = new_mount(a + 2);

	return fd < 0 ? fd : attach(fd, a[0], a[1]);
}

/* FILE TYPE: a clone of the detached tree, without the covers. */
static int clone_bare(char **a)
{
	int fd = new_mount(a + 1);
	int clone = fd < 0 ? fd
			   : result(syscall(SYS_open_tree, fd, "",
					    OPEN_TREE_CLONE | AT_EMPTY_PATH));

	return clone < 0 ? clone : is_bare(clone, a[0]) ? 0 : -ENODATA;
}

/* TYPE SIGNAL: a context of one's own with the mark of those that the warden gives out. */
static int marked(char **a)
{
	int fs = new_context(a[0]), r = fs < 0 ? fs : create(fs);

	if (r == 0 && fcntl(fs, F_SETSIG, atoi(a[1])) < 0)
		r = -errno;
	return r < 0 ? r : make_mount(fs, 0);
}

/* A context of which the mark was taken off, or that never had one. */
static int unmarked(char **a)
{
	return marked((char *[]){ a[0], (char *)"0", NULL });
}

/* Another thread changes the type, or what the number of the context means. */
static struct {
	char type[16];
	int fs[2], number;
	_Atomic bool stop;
} swapped;

static void *swap_names(void *arg)
{
	(void)arg;
	for (unsigned int i = 0; !swapped.stop; i++)
		strcpy(swapped.type, i & 1 ? "proc" : "tmpfs");
	return NULL;
}

static void *swap_numbers(void *arg)
{
	(void)arg;
	for (unsigned int i = 0; !swapped.stop; i++)
		dup2(swapped.fs[i & 1], swapped.number);
	return NULL;
}

/* Return: 1 if it is a procfs without covers. */
static int is_naked(int mount)
{
	struct statfs fs;
	int r = mount >= 0 && fstatfs(mount, &fs) == 0 && fs.f_type == PROC_SUPER_MAGIC &&
		is_bare(mount, "uptime");

	if (mount >= 0)
		close(mount);
	return r;
}

/* Is there ever a procfs without covers? */
static int swap_type(char **a)
{
	int rounds = atoi(a[0]), naked = 0;
	pthread_t t;

	strcpy(swapped.type, "tmpfs");
	if (pthread_create(&t, NULL, swap_names, NULL))
		return -EAGAIN;
	for (int i = 0; i < rounds; i++) {
		int fs = new_context(swapped.type);

		if (fs >= 0 && create(fs) == 0)
			naked += is_naked(make_mount(fs, 0));
		if (fs >= 0)
			close(fs);
	}
	swapped.stop = true;
	pthread_join(t, NULL);
	return naked ? -EEXIST : 0;
}

static int swap_number(char **a)
{
	int rounds = atoi(a[0]), naked = 0;
	pthread_t t;

	swapped.number = fcntl(0, F_DUPFD_CLOEXEC, 100);
	for (int i = 0; i < rounds; i++) {
		swapped.stop = false;
		swapped.fs[0] = new_context("proc");
		swapped.fs[1] = new_context("tmpfs");
		if (swapped.fs[0] < 0 || create(swapped.fs[0]) || create(swapped.fs[1]) ||
		    pthread_create(&t, NULL, swap_numbers, NULL))
			return -EINVAL;
		naked += is_naked(make_mount(swapped.number, 0));
		swapped.stop = true;
		pthread_join(t, NULL);
		close(swapped.fs[0]);
		close(swapped.fs[1]);
	}
	return naked ? -EEXIST : 0;
}

static void *mount_in_thread(void *arg)
{
	return (void *)(long)do_mount(arg);
}

/* As Go does: by a thread that is not the first of the process. */
static int by_thread(char **a)
{
	pthread_t t;
	void *r;

	if (pthread_create(&t, NULL, mount_in_thread, a) || pthread_join(t, &r))
		return -EAGAIN;
	return (int)(long)r;
}

static void reconfigure(int fs)
{
	syscall(SYS_fsconfig, fs, FSCONFIG_SET_STRING, "subset", ",", 0);
	syscall(SYS_fsconfig, fs, FSCONFIG_CMD_RECONFIGURE, NULL, NULL, 0);
}

static int remount_with(char **a, unsigned int flags)
{
	int fs = result(syscall(SYS_fspick, AT_FDCWD, a[0], flags | FSPICK_CLOEXEC));
	int r = fs < 0 ? fs : set(fs, a[1]);

	return r < 0 ? r
		     : result(syscall(SYS_fsconfig, fs, FSCONFIG_CMD_RECONFIGURE, NULL, NULL, 0));
}

/* TARGET OPTION: as `mount -o remount` of util-linux does. */
static int remount(char **a)
{
	return remount_with(a, 0);
}

static int remount_nofollow(char **a)
{
	return remount_with(a, FSPICK_SYMLINK_NOFOLLOW);
}

/* A procfs with subset=pid on @target; *@fs is what it was made with, or -1. */
static int mount_subset(const char *target, int *fs)
{
	char subset[] = "subset=pid";
	int r = *fs = new_context("proc");

	if (r == -ENOSYS) {
		r = result(mount("proc", target, "proc", 0, subset));
		return r < 0 ? r : open(target, O_RDONLY | O_DIRECTORY);
	}
	if (r >= 0)
		r = set(*fs, subset);
	if (r == 0)
		r = create(*fs);
	if (r == 0)
		r = make_mount(*fs, 0);
	return r < 0 || attach(r, "", target) == 0 ? r : -EIO;
}

/* FILE TARGET: when subset=pid is taken back, is the file there, and bare? */
static int undo_subset(char **a)
{
	int fs, fd = mount_subset(a[1], &fs), picked;

	if (fd < 0)
		return fd;
	reconfigure(fs);
	if (is_bare(fd, a[0]))
		return -EEXIST;
	picked = result(syscall(SYS_fspick, AT_FDCWD, a[1], 0));
	if (picked >= 0)
		reconfigure(picked);
	return is_bare(fd, a[0]) ? -EEXIST : 0;
}

static const struct call calls[] = {
	{ "mount", do_mount, 2, "TARGET TYPE [OPTION]..." },
	{ "mount-readonly", mount_readonly, 2, "TARGET TYPE" },
	{ "by-thread", by_thread, 2, "TARGET TYPE [OPTION]..." },
	{ "never-attached", never_attached, 2, "FILE TYPE [OPTION]..." },
	{ "take-cover", take_cover, 3, "FILE TARGET TYPE" },
	{ "clone-bare", clone_bare, 2, "FILE TYPE" },
	{ "marked", marked, 2, "TYPE SIGNAL" },
	{ "unmarked", unmarked, 1, "TYPE" },
	{ "remount", remount, 2, "TARGET OPTION" },
	{ "remount-nofollow", remount_nofollow, 2, "TARGET OPTION" },
	{ "undo-subset", undo_subset, 2, "FILE TARGET" },
	{ "swap-type", swap_type, 1, "ROUNDS" },
	{ "swap-number", swap_number, 1, "ROUNDS" },
	{ 0 },
};

int main(int argc, char **argv)
{
	static const struct call *const tables[] = { calls, namespace_calls, NULL };

	return run_calls(tables, argc, argv);
}
