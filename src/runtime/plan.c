/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The mount plan of a container as data. Made while host paths still resolve: every source is
 * opened once, here, and is a descriptor (a detached clone) from then on.
 */
#include "config.h"
#include "runtime/plan.h"

#include "lib/fd.h"
#include "lib/mnt.h"
#include "lib/sys.h"
#include "lib/userrights.h"
#include "runtime/devices.h"
#include "runtime/enginedirs.h"
#include "runtime/error.h"
#include "runtime/overlay-volume.h"
#include "runtime/volume.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

static bool is_type(const struct spec_mount *m, const char *type)
{
	return g_strcmp0(m->type, type) == 0;
}

/*
 * Clone the mount at an O_PATH descriptor that was checked, so that nobody can swap a symlink in
 * between.
 * @propagation: MS_SLAVE to be shown what the host mounts there later, unshifted; else nothing of
 * that arrives
 */
static int clone_fd(int fd, bool recursive, unsigned long propagation)
{
	autofd clone = mnt_clone(fd, "", recursive);
	int r;

	if (clone < 0)
		return clone;
#ifdef MUTANT_MOUNTS_LATE
	return fd_steal(&clone);
#endif
	r = sys_mount_propagation(clone, propagation & MS_SLAVE ? MS_SLAVE : MS_PRIVATE);
	/* Before 5.12 only the top mount could be restricted: do not take others along. */
	if (r == -ENOSYS && recursive)
		return mnt_clone(fd, "", false);
	return r < 0 && r != -ENOSYS ? r : fd_steal(&clone);
}

/* Names of users are looked up where the host's files are. */
static bool find_user(struct plan_step *step, GError **error)
{
	const char *user = step->mount->serve.as;
	char text[USER_RIGHTS_TEXT];
	uint32_t uid, gid;
	int r;

	if (!user)
		return true;
	r = user_rights(user, text, sizeof(text), &uid, &gid);
	if (r == -EPERM)
		return error_set(error, "volume source \"%s\": as=%s: give a user other than root",
				 step->mount->source, user);
	if (r < 0)
		return error_set(error, "volume source \"%s\": as=%s: no such user or group",
				 step->mount->source, user);
	r = user_reaches(text, step->mount->source, step->tree_fd);
	if (r < 0)
		return error_set_errno(error, r, "volume source \"%s\"", step->mount->source);
	if (r == 0)
		return error_set(error,
				 "volume source \"%s\": a symbolic link in it leads to what as=%s "
				 "cannot reach; give the path without it",
				 step->mount->source, user);
	step->as = g_strdup(text);
	return true;
}

/* What the policy grants otherwise than it was asked for. */
static void take_grant(struct spec_mount *m, const struct policy_grant *grant)
{
	struct spec_serve *s = &m->serve;

	if (grant->as_user) {
		g_free(s->as);
		s->as = g_strdup_printf("%u", grant->uid);
	}
	if (grant->hide && !s->hide)
		s->hide = g_ptr_array_new_with_free_func(g_free);
	for (guint i = 0; grant->hide && i < grant->hide->len; i++)
		g_ptr_array_add(s->hide, g_strdup(grant->hide->pdata[i]));
	s->always |= grant->as_user || grant->hide;
	if (grant->readonly) {
		m->set |= MOUNT_ATTR_RDONLY;
		m->clear &= ~(uint64_t)MOUNT_ATTR_RDONLY;
		m->rec_set |= MOUNT_ATTR_RDONLY;
		m->rec_clear &= ~(uint64_t)MOUNT_ATTR_RDONLY;
	}
}

static struct plan_proxy *plan_proxy(const struct policy_grant *grant, const struct stat *st,
				     GError **error)
{
	g_autofree char *dir = g_path_get_dirname(grant->socket);
	struct plan_proxy *p = g_new0(struct plan_proxy, 1);
	char commands[SOCKCOMMANDS_TEXT_MAX];

	p->name = g_path_get_basename(grant->socket);
	p->image = g_strdup(grant->image);
	p->mode = st->st_mode & 0777;
	p->uid = st->st_uid;
	p->gid = st->st_gid;
	p->dir_fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (p->dir_fd >= 0 &&
	    sockcommands_format(&grant->commands, commands, sizeof(commands)) == 0) {
		p->commands = g_strdup(commands);
		return p;
	}
	plan_proxy_free(p);
	error_set(error, "engine's socket \"%s\": its directory is not there", grant->socket);
	return NULL;
}

/**
 * plan_proxy_free() - close and free a proxy that was planned, and not started
 */
void plan_proxy_free(struct plan_proxy *p)
{
	fd_cleanup(&p->dir_fd);
	g_free(p->name);
	g_free(p->commands);
	g_free(p->image);
	g_free(p);
}

/* The policy is asked about the very descriptor that is cloned then. */
static bool vet_source(struct vet *vet, struct spec_mount *m, int fd, const struct stat *st,
		       struct plan_proxy **proxy, GError **error)
{
	struct policy_grant grant = { 0 };
	bool ok = vet_mount(vet, m, fd, &grant, error);

	if (ok)
		take_grant(m, &grant);
	if (ok && grant.socket)
		*proxy = plan_proxy(&grant, st, error);
	ok = ok && (!grant.socket || *proxy);
	policy_grant_clear(&grant);
	return ok;
}

static int open_volume(struct plan_step *step, int fd, const struct stat *st)
{
	const struct spec_mount *m = step->mount;
	char link[64];

#ifdef MUTANT_SOURCE_REOPENED
	fd = open(m->source, O_PATH | O_CLOEXEC);
#endif
	step->tree_fd = clone_fd(fd, m->recursive, m->propagation);
	if (step->tree_fd < 0)
		return step->tree_fd;
	g_snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	step->path = g_file_read_link(link, NULL);
	step->file = !S_ISDIR(st->st_mode);
	step->device = devices_find_default(st);
	return 0;
}

static struct plan_step *plan_last(struct plan *plan)
{
	return &g_array_index(plan->steps, struct plan_step, plan->steps->len - 1);
}

static bool plan_volume(struct plan *plan, struct spec_mount *m, int index, struct vet *vet,
			GError **error)
{
	struct plan_step step = { .kind = PLAN_PART, .mount = m, .recursive = m->recursive };
	autofd fd = -1;
	struct stat st;
	int r;

	if (volume_is_build_cache(m))
		m->propagation = MS_PRIVATE;
	if (m->propagation & MS_SHARED)
		return error_set(error,
				 "mount \"%s\": mounts cannot be shared with the host, since the "
				 "container's are locked for a user namespace of its own; use "
				 "rslave or rprivate",
				 m->destination);
	fd = open(m->source, O_PATH | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return error_set(error,
				 "volume source \"%s\": No such file or directory; make it first",
				 m->source);
	if (fd < 0 || fstat(fd, &st) < 0)
		return error_set_errno(error, -errno, "volume source \"%s\"", m->source);
	if (!vet_source(vet, m, fd, &st, &step.proxy, error))
		return false;
	r = open_volume(&step, fd, &st);
	if (r < 0 && step.proxy)
		plan_proxy_free(step.proxy);
	if (r < 0)
		return error_set_errno(error, r, "volume source \"%s\"", m->source);
	g_snprintf(step.from, sizeof(step.from), "vol/%d", index);
	g_array_append_val(plan->steps, step);
	if (S_ISBLK(st.st_mode))
		return error_set(
			error, "volume source \"%s\" is a block device; give a file or a directory",
			m->source);
	if (S_ISCHR(st.st_mode) && !plan_last(plan)->device)
		return error_set(
			error,
			"volume source \"%s\" is a device, which cannot be used on a "
			"volume; give it as one (linux.devices, Docker and Podman: --device)",
			m->source);
	if (m->recursive && plan->mountinfo_fd < 0)
		plan->mountinfo_fd = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
	return find_user(plan_last(plan), error);
}

/* An overlay of directories of the host; a volume from here on. */
static bool plan_overlay(struct plan *plan, struct spec_mount *m, int index, struct vet *vet,
			 GError **error)
{
	struct plan_step step = { .kind = PLAN_PART, .mount = m };

	step.tree_fd = overlay_volume(m, vet, error);
	if (step.tree_fd < 0)
		return false;
	g_snprintf(step.from, sizeof(step.from), "vol/%d", index);
	g_array_append_val(plan->steps, step);
	return true;
}

/*
 * Podman's --systemd binds the host's hierarchy of systemd, whole, over the cgroup mount of before
 * (v1). The container has its own part of it there, which is what systemd wants to write to.
 */
static bool is_systemd_hierarchy(const struct plan *plan, const struct spec_mount *m)
{
	static const char place[] = "/sys/fs/cgroup/systemd";

	if (!m->bind || strcmp(m->source, place) != 0 || strcmp(m->destination, place) != 0)
		return false;
	for (guint i = 0; i < plan->steps->len; i++) {
		struct plan_step *step = &g_array_index(plan->steps, struct plan_step, i);

		if (step->kind == PLAN_CGROUP &&
		    strcmp(step->mount->destination, "/sys/fs/cgroup") == 0)
			return step->own_systemd = true;
	}
	return false;
}

static bool plan_mount(struct plan *plan, struct spec_mount *m, int index, struct vet *vet,
		       GError **error)
{
	struct plan_step step = { .kind = PLAN_PART, .mount = m, .tree_fd = -1, .recursive = true };

	if (is_systemd_hierarchy(plan, m))
		return true;
	if (m->bind)
		return plan_volume(plan, m, index, vet, error);
	if (is_type(m, "overlay"))
		return plan_overlay(plan, m, index, vet, error);
	if (is_type(m, "proc"))
		strcpy(step.from, "proc");
	else if (is_type(m, "sysfs"))
		strcpy(step.from, "sys");
	else if (is_type(m, "tmpfs") && strcmp(m->destination, "/dev") == 0)
		strcpy(step.from, "dev");
	else if (is_type(m, "cgroup") || is_type(m, "cgroup2"))
		step.kind = PLAN_CGROUP;
	else if (m->type)
		step.kind = PLAN_NEW;
	else
		return error_set(error, "mounts: \"%s\" has no type", m->destination);
	step.shift = (struct plan_shift){ "native", "made with the container's ids" };
	g_array_append_val(plan->steps, step);
	return true;
}

static bool plan_root(const struct spec *spec, struct plan *plan, struct vet *vet, GError **error)
{
	struct stat st;
	autofd root = -1;

	if (spec->root_tmpfs) {
		plan->template_fd = open(spec->root_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (plan->template_fd < 0)
			return error_set_errno(error, -errno, "root file system \"%s\"",
					       spec->root_path);
		plan->root_shift = (struct plan_shift){ "native", "made with the container's ids" };
		return true;
	}
	root = open(spec->root_path, O_PATH | O_CLOEXEC);
	if (root < 0 || fstat(root, &st) < 0)
		return error_set_errno(error, -errno, "root file system \"%s\"%s", spec->root_path,
				       errno == ENOTCONN ? ", where a container died; `cloister "
							   "list` cleans up"
							 : "");
	if (!S_ISDIR(st.st_mode))
		return error_set(error,
				 "root file system \"%s\": not a directory; give a directory tree",
				 spec->root_path);
	if (!vet_root(vet, spec->root_path, root, error))
		return false;
	plan->root_tree = clone_fd(root, false, 0);
	if (plan->root_tree < 0)
		return error_set_errno(error, plan->root_tree, "root file system \"%s\"",
				       spec->root_path);
	/*
	 * Not fatal yet: where the engine has shifted the owners, the mount is used as it is (and
	 * Podman has unmounted the ID-mapped layers of such an overlay).
	 */
	overlay_plan(root, spec->root_path, &plan->root_overlay, &plan->root_error);
	return true;
}

/* Every container has the default devices, also if its specification mounts nothing there. */
static void plan_default_dev(const struct spec *spec, struct plan *plan)
{
	static const struct spec_mount dev = { .destination = (char *)"/dev",
					       .type = (char *)"tmpfs",
					       .set = MOUNT_ATTR_NOSUID };
	struct plan_step step = { .kind = PLAN_PART, .from = "dev", .mount = &dev, .tree_fd = -1 };

	for (guint i = 0; i < spec->mounts->len; i++)
		if (strcmp(((struct spec_mount *)spec->mounts->pdata[i])->destination, "/dev") == 0)
			return;
	step.shift = (struct plan_shift){ "native", "made with the container's ids" };
	g_array_append_val(plan->steps, step);
}

static void clear_served(void *data)
{
	struct plan_served *s = data;

	fd_cleanup(&s->source_fd);
	fd_cleanup(&s->fuse_fd);
	g_free(s->as);
	g_free(s->what);
	g_ptr_array_unref(s->args);
}

/**
 * plan_make() - open every source that @spec names and lay down the steps
 * @vet: who is asked whether the container may have them
 * @plan: cleared with plan_clear(), also on failure; borrows from @spec
 */
bool plan_make(const struct spec *spec, struct vet *vet, struct plan *plan, GError **error)
{
	*plan = (struct plan){ .root_tree = -1,
			       .root_view = -1,
			       .root_mirror = -1,
			       .mountinfo_fd = -1,
			       .template_fd = -1 };
	plan->steps = g_array_new(false, false, sizeof(struct plan_step));
	plan->served = g_array_new(false, false, sizeof(struct plan_served));
	g_array_set_clear_func(plan->served, clear_served);
	if (!plan_root(spec, plan, vet, error))
		return false;
	plan_default_dev(spec, plan);
	if (!enginedirs_plan(spec, plan, error))
		return false;
	for (guint i = 0; i < spec->mounts->len; i++)
		if (!plan_mount(plan, g_ptr_array_index(spec->mounts, i), i, vet, error))
			return false;
	return true;
}

/**
 * plan_clear() - close and free all that plan_make() opened; also of a plan that was never made
 */
void plan_clear(struct plan *plan)
{
	int *fds[] = { &plan->root_tree, &plan->root_view, &plan->root_mirror, &plan->mountinfo_fd,
		       &plan->template_fd };

	if (!plan->steps) /* never made: its zeros are no descriptors */
		return;
	for (guint i = 0; plan->steps && i < plan->steps->len; i++) {
		struct plan_step *step = &g_array_index(plan->steps, struct plan_step, i);

		if (step->tree_fd >= 0)
			fd_close(step->tree_fd);
		g_free(step->path);
		g_clear_pointer(&step->proxy, plan_proxy_free);
		g_free(step->as);
	}
	for (size_t i = 0; i < G_N_ELEMENTS(fds); i++) {
		if (*fds[i] >= 0)
			fd_close(*fds[i]);
		*fds[i] = -1;
	}
	g_clear_pointer(&plan->root_overlay, overlay_free);
	g_clear_error(&plan->root_error);
	g_clear_pointer(&plan->served, g_array_unref);
	g_clear_pointer(&plan->steps, g_array_unref);
}
