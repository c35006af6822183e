/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls about mounts: which of them need a helper. All others continue into the kernel, which is
 * the judge, and so does what is changed behind our back after we looked at it: nothing is
 * permitted here, only something done in addition.
 */
#include "config.h"
#include "warden/covers.h"
#include "warden/fsmount.h"
#include "warden/pattern.h"
#include "warden/transplant.h"

#include "lib/fd.h"
#include "lib/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <string.h>

#define MGC_VAL 0xc0ed0000 /* <sys/mount.h> and <linux/mount.h> do not go together */
#define MGC_MSK 0xffff0000

#define UMOUNT_NOFOLLOW 8

static uint64_t argument(const struct request *r, int i)
{
	return r->notif->data.args[i];
}

/*
 * Has the path to do with procfs or sysfs, or with what covers them? A look from outside, without
 * the caller's rights, that spares most calls a helper. What it cannot tell a helper finds out.
 */
static bool is_of_interest(const struct request *r, const char *path)
{
	uint64_t resolve = RESOLVE_NO_MAGICLINKS |
			   (*path == '/' ? RESOLVE_IN_ROOT : RESOLVE_BENEATH);
	autofd from = request_open(r, *path == '/' ? "root" : "cwd", O_PATH);
	autofd fd = from < 0 ? from : sys_openat2(from, path, O_PATH, resolve);

	/* What there is of networks depends on who looks. */
	if (fd < 0)
		return fd == -EXDEV || fd == -ELOOP || strstr(path, "/fd/") ||
		       (fd == -ENOENT && strstr(path, "/sys/net/"));
	return covers_concern(r->notify->covers, fd);
}

/* Strings that cannot be read are the kernel's to complain of. */
static bool read_path(const struct request *r, int i, char path[PATH_MAX])
{
	return request_read_string(r, argument(r, i), path, PATH_MAX) == 0;
}

static bool wants_kernel_tree(const struct request *r, int i, struct mount_args *a)
{
	char type[16];

	/* A type that does not fit is none of these. */
	if (request_read_string(r, argument(r, i), type, sizeof(type)) < 0)
		return false;
	a->sysfs = strcmp(type, "sysfs") == 0;
	return a->sysfs || strcmp(type, "proc") == 0;
}

static void run_with_stock(struct request *r, job_fn *run, const void *arg)
{
	int e;

	pool_step_aside();
	e = covers_open_stock(r->notify->covers, r->host_proc, r->notify->shop_ns);
	if (e == 0 && run == transplant_new)
		pattern_open(r, arg);
	if (e == 0)
		helper_run(r, run, arg);
	else
		request_answer(r, e);
}

/**
 * mount_handle() - mount(source, target, type, flags, data)
 */
void mount_handle(struct request *r)
{
	struct mount_args a = { .flags = argument(r, 3), .dirfd = -1 };
	enum mediate_mount kind = mediate_mount_kind(a.flags);
	job_fn *job = NULL;

	if ((a.flags & MGC_MSK) == MGC_VAL)
		a.flags &= ~(uint64_t)MGC_MSK;
	if (kind == MEDIATE_MOUNT_NEW && wants_kernel_tree(r, 2, &a) && read_path(r, 1, a.target) &&
	    request_read_string(r, argument(r, 4), a.data, sizeof(a.data)) == 0)
		job = transplant_new;
	else if (kind == MEDIATE_MOUNT_BIND && read_path(r, 0, a.source) &&
		 is_of_interest(r, a.source) && read_path(r, 1, a.target))
		job = transplant_bind;
	else if (kind == MEDIATE_MOUNT_READONLY && read_path(r, 1, a.target) &&
		 is_of_interest(r, a.target))
		job = transplant_readonly;
	if (job == transplant_new)
		run_with_stock(r, job, &a);
	else if (job)
		helper_run(r, job, &a);
	else
		request_continue(r);
}

/**
 * umount_handle() - umount2(target, flags), or the older call without flags
 */
void umount_handle(struct request *r, bool has_flags)
{
	struct mount_args a = { .flags = has_flags ? (uint32_t)argument(r, 1) : 0, .dirfd = -1 };

	/* Other flags the filter lets through, or the kernel refuses. */
	a.nofollow = a.flags & UMOUNT_NOFOLLOW;
	if (!(a.flags & ~(uint64_t)UMOUNT_NOFOLLOW) && read_path(r, 0, a.target) &&
	    is_of_interest(r, a.target)) {
		helper_wait_others(r);
		fsmount_let_go(r);
		helper_run(r, transplant_unmount, &a);
	} else {
		request_continue(r);
	}
}

/**
 * fsopen_handle() - fsopen(type, flags)
 */
void fsopen_handle(struct request *r)
{
	struct mount_args a = { .flags = (uint32_t)argument(r, 1) };

	if (wants_kernel_tree(r, 0, &a))
		helper_run(r, fsmount_open, &a);
	else
		request_continue(r);
}

/**
 * fsmount_handle() - fsmount(context, flags, attributes); what is not ours the kernel judges, which
 * refuses any procfs and sysfs here
 */
void fsmount_handle(struct request *r)
{
	struct fsmount_args a = { .context = (int)argument(r, 0),
				  .flags = (uint32_t)argument(r, 1),
				  .attrs = (uint32_t)argument(r, 2) };

	if (fsmount_concerns(r, &a))
		run_with_stock(r, fsmount_make, &a);
	else
		request_continue(r);
}

/**
 * fspick_handle() - fspick(dirfd, path, flags)
 */
void fspick_handle(struct request *r)
{
	struct mount_args a = { .dirfd = (int)argument(r, 0), .flags = (uint32_t)argument(r, 2) };

	if (read_path(r, 1, a.target))
		helper_run(r, fsmount_pick, &a);
	else
		request_answer(r, -EFAULT);
}

/**
 * setattr_handle() - mount_setattr(dirfd, path, flags, attr, size), not recursive
 */
void setattr_handle(struct request *r)
{
	uint32_t flags = (uint32_t)argument(r, 2);
	struct mount_args a = { .dirfd = (int)argument(r, 0),
				.nofollow = flags & AT_SYMLINK_NOFOLLOW };
	struct mount_attr attr;

	if (request_read(r, argument(r, 3), &attr, sizeof(attr)) < 0 ||
	    !(attr.attr_set & MOUNT_ATTR_RDONLY) || !read_path(r, 1, a.target) ||
	    (!*a.target && !(flags & AT_EMPTY_PATH))) {
		request_continue(r);
		return;
	}
	if (!*a.target && a.dirfd == AT_FDCWD)
		strcpy(a.target, ".");
	helper_run(r, transplant_readonly, &a);
}
