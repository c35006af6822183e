/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A container from its creation to its end, as the launcher's process sees it.
 *
 * Theory of operation, in this order and for these reasons:
 *
 *   specification       what is wrong with it is said before anything exists
 *   claim               nothing of the container exists without an owner on record
 *   warden              it loads during the next two, knowing nothing of the container
 *   sources             opened and judged before anything exists that could have them
 *   cgroups
 *   FUSE mount          with it and the cgroups the warden starts the server, while we go on
 *   workshop, PID 1     PID 1 is born in the workshop: what it copies from there is locked
 *   maps, parts, covers while PID 1 makes its own namespaces
 *   READY, state, start
 *
 * If anything fails, container_end() removes what exists so far; if we are killed, the warden does,
 * and if that is killed too, the next command (reap.c).
 */
#include "config.h"
#include "runtime/container-internal.h"

#include "lib/fd.h"
#include "lib/sys.h"
#include "runtime/birth.h"
#include "runtime/console.h"
#include "runtime/devices.h"
#include "runtime/error.h"
#include "runtime/hooks.h"
#include "runtime/init.h"
#include "runtime/limits.h"
#include "runtime/masks.h"
#include "runtime/mediation.h"
#include "runtime/mirror.h"
#include "runtime/proxylink.h"
#include "runtime/seccomp.h"
#include "runtime/serve.h"
#include "runtime/state.h"
#include "runtime/sysctls.h"
#include "runtime/timens.h"
#include "runtime/tree.h"
#include "runtime/wardenlink.h"
#include "runtime/workshop.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static bool close_workshop(const struct workshop *shop, GError **error)
{
	int r = workshop_close(shop);

	return r == 0 || error_set_errno(error, r, "make the workshop read-only");
}

static bool build_inside(struct container *c, struct tree *tree, int fuse_mount, GError **error)
{
	const struct workshop *shop = tree->shop;
	char path[64];
	int r = timens_enter(shop->host_proc, c->boot_offset);

	if (r < 0)
		return error_set_errno(error, r, "make a time namespace");
	if (!birth_clone(c, shop, error) || !birth_map_ids(c, shop->host_proc, error) ||
	    !birth_tell(c, CHILD_GO_MAPS, -1, error))
		return false;
	g_snprintf(path, sizeof(path), "%d/ns/user", (int)c->pid);
	tree->userns_fd = openat(shop->host_proc, path, O_RDONLY | O_CLOEXEC);
	tree->init_pid = c->pid;
	r = identity_values_make(&tree->identity, tree->uid, tree->gid);
	if (r < 0)
		return error_set_errno(error, r, "make a boot id");
	/* The server loads meanwhile. */
	if (!tree_build(tree, error) || !tree_identify(tree, error))
		return false;
	/* where it mounts no procfs of its own there is no loadavg either */
	if (tree_has_part(tree, "proc"))
		c->pids_fd = sys_openat2(shop->base, "proc", O_RDONLY | O_DIRECTORY,
					 RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
	return wardenlink_wait_ready(c, error) && tree_cover(tree, fuse_mount, error) &&
	       close_workshop(shop, error) && birth_tell(c, CHILD_GO_TREE, tree->rw_root_fd, error);
}

/* Everything that happens inside the workshop. Leaves it whatever happens. */
static bool build(struct container *c, int fuse_mount, GError **error)
{
	struct workshop shop = WORKSHOP_CLOSED;
	struct tree tree = { .shop = &shop,
			     .spec = c->spec,
			     .plan = &c->plan,
			     .userns_fd = -1,
			     .uid = c->claim.base,
			     .gid = c->claim.base,
			     .count = c->claim.count,
			     .state_dir = c->dir_fd,
			     .rw_root_fd = -1 };
	int r = workshop_enter(&shop);
	bool ok = r < 0 ? error_set_errno(error, r, "make a mount namespace")
			: build_inside(c, &tree, fuse_mount, error);

	if (tree.userns_fd >= 0)
		close(tree.userns_fd);
	if (tree.rw_root_fd >= 0)
		close(tree.rw_root_fd);
	/* Nothing that follows would mean what it says in the wrong namespaces. */
	if (timens_leave(shop.host_proc) < 0 || workshop_leave(&shop) < 0)
		_exit(EXIT_USAGE);
	c->workshop_ns = shop.own_ns;
	return ok;
}

/* What the specification knows and we do not do: an error, not a container without it. */
static bool check_supported(const struct spec *spec, GError **error)
{
	const struct {
		const json_t *asked;
		const char *name;
	} not_done[] = {
		{ spec->net_devices, "netDevices" },
		{ spec->intel_rdt, "intelRdt" },
		{ spec->memory_policy, "memoryPolicy" },
		{ spec->time_offsets, "timeOffsets" },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(not_done); i++)
		if (not_done[i].asked && json_object_size(not_done[i].asked) > 0)
			return error_set(error, "linux.%s: not supported; leave it out",
					 not_done[i].name);
	return true;
}

#define MOUNTS_TRIES 50

/*
 * The sources, judged. What the host mounts meanwhile might be carried along unseen: then all is
 * opened and judged anew.
 */
static bool plan_sources(struct container *c, struct vet *vet, GError **error)
{
	for (int i = 0; i < MOUNTS_TRIES; i++) {
		if (!plan_make(c->spec, vet, &c->plan, error))
			return false;
		if (policy_settled(&vet->policy))
			return true;
		plan_clear(&c->plan);
	}
	return error_set(error, "policy: the host's mounts change all the time; try again");
}

static void report(struct container *c, struct vet *vet)
{
	vet_report(vet, c->spec, c->root_fd);
	g_ptr_array_add(vet->policy.events, NULL);
	c->policy_events = g_strdupv((char **)vet->policy.events->pdata);
}

/* What can be wrong with what was asked for, before anything exists. */
static bool check(struct container *c, GError **error)
{
	masks_warn(c->spec);
	return check_supported(c->spec, error) && spec_check_namespaces(c->spec, error) &&
	       spec_check_mappings(c->spec, error) && nsjoin_open(c->spec, &c->join, error) &&
	       sysctls_check(c->spec, error);
}

/* What the settings say of it as a whole: all that its cgroups and its warden have to know. */
static bool ask_settings(struct container *c, struct vet *vet, GError **error)
{
	const struct subject who = { .id = c->id,
				     .bundle = c->spec->bundle,
				     .root_path = c->spec->root_path,
				     .state_dir = c->state_dir };

	if (!vet_begin(vet, &who, c->settings, error))
		return false;
	c->inside = vet->policy.settings->inside;
	return limits_cap_realtime(&c->spec->process, c->inside.rtprio, error) &&
	       devices_switch(c->spec, &c->inside, error) && devices_check(c->spec, error);
}

/* What it gets of the host, judged, before anything exists that could have it. */
static bool plan(struct container *c, struct vet *vet, GError **error)
{
	if (!plan_sources(c, vet, error))
		return false;
	/* No process of the container decides whether SELinux is on: what it does not see is off.
	 */
	if (c->spec->mount_label && !lsm_selinux_enabled())
		g_clear_pointer(&c->spec->mount_label, g_free);
	if (!lsm_prepare(&c->spec->process, &c->lsm, error) ||
	    !seccomp_prepare(c->spec->seccomp, c->root_fd, &c->seccomp, error))
		return false;
	c->unmediated = mediation_prepare(&c->inside, &c->seccomp);
	return true;
}

/*
 * All but the container's processes and mounts. The server has nothing of what is planned, and
 * takes as long to load as the plan takes to be made.
 */
static bool prepare(struct container *c, int *fuse_mount, GError **error)
{
	struct vet vet = { .own_tree = c->own_tree };
	bool ok = ask_settings(c, &vet, error) && container_make_cgroups(c, error) &&
		  wardenlink_start(c, fuse_mount, error) && plan(c, &vet, error);

	if (vet.policy.settings)
		report(c, &vet);
	vet_end(&vet);
	return ok;
}

/*
 * What we do to PID 1 from outside may have failed only because PID 1 failed before that. Then it
 * has sent us why, and that is the error.
 */
static bool blame_init(struct container *c, GError **error)
{
	struct pollfd p = { .fd = c->pidfd, .events = POLLIN };
	g_autoptr(GError) why = NULL;

	if (poll(&p, 1, 0) == 1 && !container_receive(c->sync, NULL, NULL, CHILD_READY, &why)) {
		g_clear_error(error);
		g_propagate_error(error, g_steal_pointer(&why));
	}
	return false;
}

/* PID 1 exists, and we are back on the host: what it gets from outside. */
static bool equip(struct container *c, GError **error)
{
	g_autofree char *state = NULL;
	int r;

	/* While PID 1 joins its tree. */
	if (!c->keep_limits)
		limits_reset(c->pid);
	if (!limits_set(c->pid, &c->spec->process, error))
		return false;
	if (proc_identify(c->pid, &c->record.init) < 0)
		return error_set(error, "the container's process died before it could start");
	wardenlink_tell_init(c);
	r = rundir_write_record(c->dir_fd, &c->record);
	if (r < 0)
		return error_set_errno(error, r, "write the state of \"%s\"", c->id);
	for (int i = 0; c->deferred && i < 3; i++)
		if (!c->pty[i])
			console_own(c->stdio[i], c->claim.base + c->spec->process.uid);
	state = state_text(c->spec, c->id, "creating", c->pid);
	return (hooks_run(c->spec, SPEC_HOOK_PRESTART, state, -1, false, error) &&
		hooks_run(c->spec, SPEC_HOOK_CREATE_RUNTIME, state, -1, false, error) &&
		hooks_run(c->spec, SPEC_HOOK_CREATE_CONTAINER, state, c->pidfd,
			  c->join.fds[SPEC_NS_USER] >= 0, error)) ||
	       blame_init(c, error);
}

static bool create(struct container *c, GError **error)
{
	autofd fuse_mount = -1;

	c->state_inside = c->spec->hooks[SPEC_HOOK_START_CONTAINER]
				  ? state_text(c->spec, c->id, "created", 1)
				  : NULL;
	if (!check(c, error) || !container_take_name(c, error) ||
	    !container_make_helpers_cgroup(c, error) || !wardenlink_spawn(c, error) ||
	    !prepare(c, &fuse_mount, error) || !proxylink_start(c, error) ||
	    !mirror_prepare(c, error))
		return false;
	if (!build(c, fuse_mount, error))
		return blame_init(c, error);
	if (!serve_start(c, error) || !mirror_start(c, error) || !equip(c, error))
		return false;
	/*
	 * config.json is what `exec` begins with. Until PID 1 is ready its mount namespace is the
	 * workshop, where no container's tree is complete: nobody may join before.
	 */
	if (!state_save(c, error) ||
	    !container_receive(c->sync, &c->console, NULL, CHILD_READY, error) ||
	    !limits_schedule(c->pid, &c->spec->process, NULL, error) || !mirror_wait(c, error) ||
	    !sysctls_set(c, error) || !state_publish(c, error))
		return false;
	scope_release(&c->scope);
	if (c->console >= 0 && !console_check(c->console, error))
		return false;
	console_set_size(c->console, &c->spec->process);
	return true;
}

/* Whoever deletes a container while it is made takes its parts away: any of them may be missed. */
static void blame_delete(const struct container *c, GError **error)
{
	/* Its directory goes last. */
	autofd lock = c->dir_fd < 0 ? -1 : rundir_lock(c->root_fd);

	if (lock < 0 || rundir_is(c->root_fd, c->id, c->dir_fd))
		return;
	g_clear_error(error);
	error_set(error, "container \"%s\" was deleted while it was being made", c->id);
}

/* Nothing else says why a process is gone that had not even begun. */
static void blame_memory(const struct container *c, GError **error)
{
	bool v2;
	int dir = cgroup_controller_fd(&c->cgroups, "memory", &v2);

	if (dir >= 0 && cgroup_oom_kills(dir, v2) > 0)
		g_prefix_error(error, "out of memory: the container's limit is too low: ");
}

/**
 * container_create() - bring a container to the point where only the command is missing
 *
 * On failure nothing is left behind, and *@error says why.
 */
bool container_create(struct container *c, GError **error)
{
	c->dir_fd = c->alive_fd = c->pidfd = c->sync = c->warden = c->console = c->workshop_ns = -1;
	c->pids_fd = -1;
	c->start_fd = -1;
	c->null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	c->join = (struct nsjoin)NSJOIN_NONE;
#ifndef MUTANT_UMASK_KEPT
	/* What is made for the container is for others than us; the caller's is none of its affair.
	 */
	umask(022);
#endif
	if (create(c, error))
		return true;
	blame_memory(c, error);
	blame_delete(c, error);
	container_end(c);
	return false;
}

/**
 * container_reap() - collect the exit status of PID 1, which is our child, once it has ended
 *
 * Return: as in waitpid(2), or -errno.
 */
int container_reap(struct container *c)
{
	int status;
	pid_t r;

	do {
		r = waitpid(c->pid, &status, __WALL);
	} while (r < 0 && errno == EINTR);
	if (r < 0)
		return -errno;
	c->reaped = true;
	return status;
}

/**
 * container_detach() - leave the container to its warden
 */
bool container_detach(struct container *c, GError **error)
{
	int r = 0;

	if (c->record.launcher.pid) {
		/* From here on it does not end with us. */
		c->record.launcher = (struct proc_id){ 0 };
		r = rundir_write_record(c->dir_fd, &c->record);
	}
	wardenlink_detach(c);
	return r == 0 || error_set_errno(error, r, "write the state of \"%s\"", c->id);
}
