/* SPDX-License-Identifier: Apache-2.0 */
/*
 * New instances of procfs and sysfs, which a container's covers are in the way of;
 * transplant-there.c has what it does with those that are there.
 *
 * Theory of operation. A new instance is made where the covers are, in a copy of the stock, with
 * the host's credentials and for the caller's pid or network namespace; everything that lies over
 * the container's own is laid over it. Then the helper enters the user namespace that owns the
 * caller's mount namespace and copies its mount namespace: that locks the covers, and takes away
 * the rights. A clone of the tree goes to the target, with the caller's own way there.
 *
 * All that these functions look at to decide is the kernel's own (namespaces, capabilities,
 * mounts), and whenever they do not want to act the kernel carries out what was asked, and refuses.
 */
#include "config.h"
#include "warden/transplant.h"

#include "lib/fd.h"
#include "lib/mnt.h"
#include "lib/nsmount.h"
#include "lib/sys.h"
#include "warden/covers.h"
#include "warden/pattern.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#define PLACE TRANSPLANT_PLACE
#define BARE  TRANSPLANT_BARE

static uint64_t attrs_of(uint64_t flags)
{
	static const struct {
		unsigned long flag;
		uint64_t attr;
	} map[] = {
		{ MS_RDONLY, MOUNT_ATTR_RDONLY },   { MS_NOSUID, MOUNT_ATTR_NOSUID },
		{ MS_NODEV, MOUNT_ATTR_NODEV },	    { MS_NOEXEC, MOUNT_ATTR_NOEXEC },
		{ MS_NOATIME, MOUNT_ATTR_NOATIME }, { MS_NODIRATIME, MOUNT_ATTR_NODIRATIME },
	};
	uint64_t attrs = 0;

	for (size_t i = 0; i < sizeof(map) / sizeof(map[0]); i++)
		if (flags & map[i].flag)
			attrs |= map[i].attr;
	return attrs;
}

/**
 * transplant_may_mount() - may the caller have a new instance? As the kernel asks: of the owner of
 * the mount namespace and of what the instance shows
 */
bool transplant_may_mount(const struct visit *v, bool sysfs)
{
	autofd owner = ioctl(sysfs ? v->net_ns : v->pid_ns, NS_GET_USERNS);

	return owner >= 0 && visit_has_admin(v, v->owner_ns) && visit_has_admin(v, owner);
}

static int restrict_place(uint64_t attrs, bool readonly)
{
	autofd here = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);

	return here < 0 ? -errno
			: mnt_restrict_at(here, PLACE,
					  attrs | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV |
						  MOUNT_ATTR_NOEXEC |
						  (readonly ? MOUNT_ATTR_RDONLY : 0));
}

struct laying {
	const struct covers *covers;
	const char *part;
	struct instance *made;
};

static int lay(void *arg)
{
	const struct laying *l = arg;
	bool subset = false;
	int r = l->made->sysfs ? 0 : nsmount_proc_widen(l->made->mount, &subset);

	l->made->bare = subset && r == -EINVAL;
	if (r < 0)
		return l->made->bare ? 0 : r;
	/* What has no files is not shown with them, but has to have one that is covered. */
	r = subset ? covers_lay_one(l->covers, l->part, PLACE, BARE)
		   : covers_lay(l->covers, l->part, PLACE, BARE, l->made->readonly);
	return r == 0 && subset ? nsmount_proc_narrow(l->made->mount) : r;
}

/*
 * On Linux 7.2 an instance has subset=pid from the start or never, and the kernel gives nobody a
 * whole one for it (fs/namespace.c: mnt_already_visible()): it needs no cover. Whether this kernel
 * is such a one is not told by its number: it is asked for a whole one, where there is no other. As
 * restricted as can be: what is locked on the one, the other has to have.
 */
static int check_bare(int whole, uint64_t attrs)
{
	autofd fd = sys_fsmount(whole, attrs | MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID |
					       MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);

#ifdef MUTANT_SUBSET_TRUSTED
	return 0;
#endif
	return fd == -EPERM ? 0 : fd < 0 ? fd : -EPERM;
}

/* Made while the host's rights are there: all but the last step, at which the kernel judges. */
static int whole_context(const struct visit *v)
{
	autofd fs = nsmount_proc_context(v->host_proc, v->pid_ns);
	int r = fs < 0 ? fs : sys_fsconfig_create(fs);

	return r < 0 ? r : fd_steal(&fs);
}

/*
 * The next copy is the container's, which since Linux 6.12 may find it (NS_MNT_GET_NEXT) and enter
 * it while it is there: nothing is left in it that is not covered. To unmount it would be to wait
 * for RCU; a mask that is locked there does as well.
 */
static int hide_bare(void)
{
#ifdef MUTANT_BARE_LEFT
	return 0;
#endif
	return mnt_bind("empty/dir", BARE);
}

/*
 * Who leaves a mount namespace as its last member waits while the kernel takes its mounts down:
 * that has time until the caller has its answer, and this process ends.
 */
static int outlive_namespace(const struct visit *v)
{
	return openat(v->host_proc, "self/ns/mnt", O_RDONLY | O_CLOEXEC) < 0 ? -errno : 0;
}

static int enter_stock_copy(const struct job *job)
{
	if (setns(job->request->notify->covers->stock, CLONE_NEWNS) < 0 || unshare(CLONE_NEWNS) < 0)
		return -errno;
	return outlive_namespace(&job->visit);
}

/**
 * transplant_build() - attach the instance in a copy of the stock, which this process has then, and
 * cover it
 */
int transplant_build(struct job *job, struct instance *made)
{
	const struct covers *c = job->request->notify->covers;
	const struct visit *v = &job->visit;
	const char *part = made->sysfs ? "/sys" : "/proc";
	const struct mountlist_entry *own = covers_part(c, part);
	autofd bare = -1;
	int r;

	if (!own)
		return -EPERM;
	r = enter_stock_copy(job);
	if (r == 0)
		r = mnt_attach(made->mount, AT_FDCWD, PLACE);
	bare = r < 0 ? r : mnt_clone(AT_FDCWD, PLACE, false);
	if (r == 0)
		r = bare < 0 ? bare : mnt_attach(bare, AT_FDCWD, BARE);
	if (r == 0)
		r = restrict_place(made->attrs, own->readonly);
	if (r == 0) /* what a path below sys/net leads to depends on who looks */
		r = nsmount_in_net(v->host_proc, v->net_ns, lay, &(struct laying){ c, part, made });
	return r < 0 ? r : hide_bare();
}

/*
 * In the container's own user namespace: who may mount there may as well lift what was put on a
 * procfs since the start, and the kernel judges a host's root no differently. Also where the last
 * instance was unmounted, as systemd does before it mounts the next.
 */
static bool is_own(const struct job *job)
{
	return fd_same(job->visit.owner_ns, job->request->notify->userns_fd);
}

static int check_visible(struct job *job, bool sysfs, bool *readonly)
{
	struct mountlist list;
	bool visible;
	int r;

	if (is_own(job))
		return 0;
	r = mountlist_read(job->visit.host_proc, "self/mountinfo", &list);
	visible = r == 0 && covers_visible(job->request->notify->covers, &list,
					   sysfs ? "sysfs" : "proc", readonly);
	mountlist_free(&list);
	return r < 0 ? r : visible ? 0 : -EPERM;
}

/**
 * transplant_make() - cover a new instance, and lock the covers
 *
 * Return: the detached tree, or -errno. The helper is in the caller's mount namespace then.
 */
int transplant_make(struct job *job, struct instance *made)
{
	struct visit *v = &job->visit;
	bool readonly = false;
	autofd tree = -1;
	autofd whole = -1;
	int r = transplant_build(job, made);

	if (r == 0 && made->bare)
		r = whole = whole_context(v);
	if (r >= 0)
		r = visit_enter_userns(v);
	if (r == 0 && unshare(CLONE_NEWNS) < 0)
		r = -errno;
	if (r == 0)
		r = outlive_namespace(v);
	if (r == 0 && made->bare)
		r = check_bare(whole, made->attrs);
	if (r < 0)
		return r;
	/* Now the copy is the container's, and locked. */
	tree = mnt_clone(AT_FDCWD, PLACE, true);
	if (tree < 0)
		return tree;
	r = visit_enter_mounts(v);
	if (r == 0)
		r = check_visible(job, made->sysfs, &readonly);
	if (r == 0 && readonly)
		r = mnt_restrict(tree, false, MOUNT_ATTR_RDONLY);
	return r < 0 ? r : fd_steal(&tree);
}

static int make_new(struct job *job, struct instance *made)
{
	const struct mount_args *args = job->arg;
	const struct visit *v = &job->visit;

	made->mount = made->sysfs ? nsmount_sysfs_of(v->host_proc, v->net_ns)
				  : nsmount_proc_of(v->host_proc, v->pid_ns, args->data);
	return made->mount < 0 ? made->mount : transplant_make(job, made);
}

/**
 * transplant_new() - mount("proc") and mount("sysfs")
 */
int64_t transplant_new(struct job *job)
{
	const struct mount_args *args = job->arg;
	struct instance made = { .sysfs = args->sysfs,
				 .readonly = args->flags & MS_RDONLY,
				 .attrs = attrs_of(args->flags) };
	struct visit *v = &job->visit;
	struct visit_path target;
	autofd place = -1;
	int tree, r = visit_open(v, job->request);

	if (r == 0 && !transplant_may_mount(v, args->sysfs))
		r = -EACCES;
	if (r == -EACCES)
		return JOB_CONTINUE;
	if (r == 0 && !nsmount_proc_allows(args->data))
		r = -EINVAL;
	if (r == 0)
		r = visit_look_up(v, args->target, &target);
	if (r < 0)
		return r;
	tree = pattern_fits(job) ? pattern_clone(job) : -ENOTUNIQ;
	if (tree == -ENOTUNIQ)
		tree = make_new(job, &made);
	r = tree < 0 ? tree : visit_enter_root(v);
	if (r < 0)
		return r;
	place = visit_resolve(v, &target);
	return place < 0 ? place : helper_attach(job, tree, place);
}
