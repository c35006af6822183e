/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A container from its creation to its end, as the launcher's process sees it.
 *
 * Theory of operation. Everything that can fail because of what the user asked for is tried before
 * the first process exists: names, sources, limits. Then, in this order and for these reasons:
 *
 *   claim               nothing of the container exists without an owner on record
 *   warden              it loads while we make the container's cgroups
 *   FUSE mount          with it and the cgroups the warden starts the server, while we go on
 *   workshop, PID 1     PID 1 is born in the workshop: what it copies from there is locked
 *   maps, parts, covers while PID 1 makes its own namespaces
 *   READY, state, start
 *
 * If anything fails, container_end() removes what exists so far; if we are killed, the warden does,
 * and if that is killed too, the next command (reap.c).
 */
#include "config.h"
#include "runtime/container.h"

#include "lib/fd.h"
#include "lib/reap.h"
#include "lib/sys.h"
#include "lib/sysctl-host.h"
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
#include "runtime/startlink.h"
#include "runtime/state.h"
#include "runtime/sysctls.h"
#include "runtime/timens.h"
#include "runtime/tree.h"
#include "runtime/wardenlink.h"
#include "runtime/workshop.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* Each helper is small; what the container makes them hold is capped, and this is the last wall. */
#define HELPERS_MEMORY_LIMIT (64 << 20)

static bool take_given_range(struct container *c, GError **error)
{
	const struct spec_map *map = &g_array_index(c->spec->uid_map, struct spec_map, 0);
	int r;

	c->claim = (struct claim){ .base = map->outside, .count = 0 };
	for (guint i = 0; i < c->spec->uid_map->len; i++)
		c->claim.count += map[i].count;
	r = claim_take_given(c->root_fd, &claim_sources_default, c->id, &c->claim);
	if (r == -EADDRINUSE)
		return error_set(
			error,
			"linux.uidMappings: host ids %u to %u belong to another container; "
			"give each its own, or none: then Cloister does",
			c->claim.base, c->claim.base + c->claim.count - 1);
	if (r == -EPERM)
		return error_set(error,
				 "linux.uidMappings: host ids %u to %u belong to a user of this "
				 "machine (/etc/passwd, /etc/subuid); give others",
				 c->claim.base, c->claim.base + c->claim.count - 1);
	return r == 0 || error_set_errno(error, r, "linux.uidMappings: take the ids from %u on",
					 c->claim.base);
}

/* The container's ids: those of the user namespace it joins, those it was given, or free ones. */
static bool take_range(struct container *c, GError **error)
{
	int r;

	if (c->join.fds[SPEC_NS_USER] >= 0) {
		if (!nsjoin_range(&c->join, &c->claim, error))
			return false;
		r = claim_share(c->root_fd, c->id, &c->claim);
	} else if (c->spec->uid_map && c->spec->uid_map->len) {
		return take_given_range(c, error);
	} else {
		r = claim_take(c->root_fd, &claim_sources_default, CLAIM_FIRST, c->id, &c->claim);
	}
#ifdef MUTANT_CLAIM_NOT_TAKEN
	claim_release(c->root_fd, c->id);
#endif
	return r == 0 || error_set_errno(error, r, "find a free range of %u user ids", CLAIM_COUNT);
}

/*
 * Where the container's cgroup goes: below the mounts, also where the path is relative. Unless it
 * says otherwise: by its name.
 */
static bool choose_cgroups(struct container *c, GError **error)
{
	struct rundir_record *r = &c->record;
	const char *path = c->spec->cgroups_path ?: "";

	if (c->systemd_cgroup) {
		if (!scope_parse(path, c->id, &c->scope, error))
			return false;
		path = c->scope.path;
		g_strlcpy(r->scope, c->scope.unit, sizeof(r->scope));
	}
	path += strspn(path, "/");
	if (*path)
		g_strlcpy(r->cgroup, path, sizeof(r->cgroup));
	else
		g_snprintf(r->cgroup, sizeof(r->cgroup), "cloister-%s", c->id);
	g_snprintf(r->helpers_cgroup, sizeof(r->helpers_cgroup), "cloister:helpers:%s:%d", c->id,
		   (int)getpid());
	return true;
}

/*
 * Take the name and a range of ids, after cleaning up behind those who could not do it themselves.
 * Until everything is there the container ends with us.
 */
static bool take_name(struct container *c, GError **error)
{
	autofd lock = rundir_lock(c->root_fd);
	int r;

	if (lock < 0)
		return error_set_errno(error, lock, "lock the state directory");
	reap_sweep(c->root_fd);
	c->dir_fd = rundir_create(c->root_fd, c->id, &c->alive_fd);
	if (c->dir_fd == -EEXIST)
		return error_set(error,
				 "container \"%s\": container with given ID already exists; give "
				 "another name or `cloister delete --force %s`",
				 c->id, c->id);
	if (c->dir_fd < 0)
		return error_set_errno(error, c->dir_fd, "make the state directory of \"%s\"",
				       c->id);
	if ((c->bound || c->deferred) && proc_identify(getpid(), &c->record.launcher) < 0)
		return error_set(error, "cannot identify this process in /proc");
	c->record.auto_remove = c->auto_remove;
	if (!choose_cgroups(c, error))
		return false;
	r = rundir_write_record(c->dir_fd, &c->record);
	if (r < 0)
		return error_set_errno(error, r, "write the state of \"%s\"", c->id);
	if (c->deferred)
		c->start_fd = startlink_listen(c->dir_fd);
	if (c->deferred && c->start_fd < 0)
		return error_set_errno(error, c->start_fd, "make the socket of \"%s\"", c->id);
	return take_range(c, error);
}

/* systemd's part of it. The scope has a placeholder in it until PID 1 is there. */
static bool start_scope(struct container *c, GError **error)
{
	int r;

	if (!scope_start(&c->scope, &c->cgroups, &c->spec->limits, c->id, error))
		return false;
	/* Ours, or it would not have been made. */
	c->record.cgroup_own = true;
	g_strlcpy(c->record.cgroup, c->scope.path, sizeof(c->record.cgroup));
	r = rundir_write_record(c->dir_fd, &c->record);
	return r == 0 || error_set_errno(error, r, "write the state of \"%s\"", c->id);
}

/* Make the cgroup, and make sure that it is nobody else's: what is in it is killed at the end. */
static bool take_cgroup(struct container *c, GError **error)
{
	char what[CGROUP_WHAT_MAX] = "";
	int made, r;

	made = cgroup_create(&c->cgroups, c->record.cgroup, what, sizeof(what));
	r = c->systemd_cgroup ? 0 : cgroup_populated(&c->cgroups);
	c->has_cgroup = r == 0;
	if (made < 0)
		return error_set_errno(
			error, made,
			"make cgroup \"%s\"; is it mounted and writable for this process?", what);
	if (r < 0)
		return error_set_errno(error, r, "cgroup \"%s\"; give the container another name",
				       c->record.cgroup);
	c->record.cgroup_own = true;
	r = rundir_write_record(c->dir_fd, &c->record);
	return r == 0 || error_set_errno(error, r, "write the state of \"%s\"", c->id);
}

static bool make_cgroups(struct container *c, GError **error)
{
	char what[CGROUP_WHAT_MAX] = "";
	int r;

	if ((c->systemd_cgroup && !start_scope(c, error)) || !take_cgroup(c, error))
		return false;
	r = cgroup_set_limits(&c->cgroups, &c->spec->limits, what, sizeof(what));
	if (r == 0)
		r = cgroup_set_devices(&c->cgroups, c->spec->limits.devices,
				       c->spec->limits.n_devices, what, sizeof(what));
	if (r < 0)
		return error_set(error, "linux.resources.%s", what);
	r = cgroup_delegate(&c->cgroups, c->claim.base, c->claim.base);
	return r == 0 || error_set_errno(error, r, "delegate cgroup \"%s\"", c->record.cgroup);
}

/* The helpers' own cgroup: outside the container's, so that no limit or freeze of it holds them. */
static bool make_helpers_cgroup(struct container *c, GError **error)
{
	struct cgroup_limits limits = { .memory = HELPERS_MEMORY_LIMIT };
	char what[256] = "";
	int r = cgroup_detect(&c->cgroups);

	if (r < 0)
		return error_set_errno(error, r, "find the control groups of this host");
	reap_helper_hierarchies(&c->cgroups, &c->helpers);
	r = cgroup_create(&c->helpers, c->record.helpers_cgroup, what, sizeof(what));
	if (r < 0)
		return error_set_errno(error, r, "make cgroup \"%s\" for the helpers", what);
	cgroup_set_limits(&c->helpers, &limits, what, sizeof(what));
	return true;
}

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

/**
 * container_receive() - wait for the child's next event of type @want
 * @console: receives the master of the pty if one is sent before that
 */
bool container_receive(int sync, int *console, int *value, int want, GError **error)
{
	for (;;) {
		struct child_event e;
		int fd = -1;
		size_t n = 0;
		ssize_t got = fd_recv(sync, &e, sizeof(e), &fd, 1, &n);

		if (got == 0)
			return error_set(error,
					 "the container's process died before it could start");
		if (got < 0)
			return error_set_errno(error, got, "hear from the container's process");
		if (got != sizeof(e))
			return error_set(error, "garbled message from the container's process");
		e.text[sizeof(e.text) - 1] = '\0';
		if (e.type == CHILD_FAILED)
			return error_set_code(error, e.value, "%s", e.text);
		if (e.type == CHILD_CONSOLE && n == 1 && console && *console < 0) {
			*console = fd;
			continue;
		}
		if (n)
			close(fd);
		if ((int)e.type == want) {
			if (value)
				*value = e.value;
			return true;
		}
	}
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

static bool plan_mounts(struct container *c, GError **error)
{
	const struct subject who = { .id = c->id,
				     .bundle = c->spec->bundle,
				     .root_path = c->spec->root_path,
				     .state_dir = c->state_dir };
	struct vet vet = { .own_tree = c->own_tree };
	bool ok = vet_begin(&vet, &who, c->settings, error);

	if (ok) {
		ok = plan_sources(c, &vet, error);
		vet_report(&vet, c->spec, c->root_fd);
		c->inside = vet.policy.settings->inside;
		g_ptr_array_add(vet.policy.events, NULL);
		c->policy_events = g_strdupv((char **)vet.policy.events->pdata);
	}
	vet_end(&vet);
	return ok;
}

/* What can be wrong with what was asked for, before anything exists. */
static bool plan(struct container *c, GError **error)
{
	masks_warn(c->spec);
	if (!check_supported(c->spec, error) || !spec_check_namespaces(c->spec, error) ||
	    !spec_check_mappings(c->spec, error) || !nsjoin_open(c->spec, &c->join, error) ||
	    !sysctls_check(c->spec, error) || !plan_mounts(c, error) ||
	    !devices_switch(c->spec, &c->inside, error) || !devices_check(c->spec, error))
		return false;
	/* No process of the container decides whether SELinux is on: what it does not see is off.
	 */
	if (c->spec->mount_label && !lsm_selinux_enabled())
		g_clear_pointer(&c->spec->mount_label, g_free);
	if (!lsm_prepare(&c->spec->process, &c->lsm, error) ||
	    !seccomp_prepare(c->spec->seccomp, c->root_fd, &c->seccomp, error))
		return false;
	c->unmediated = mediation_prepare(c->spec, &c->seccomp);
	return true;
}

/* A hook may have failed only because PID 1 did, which has left word of why. */
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
	return (hooks_run(c->spec, SPEC_HOOK_PRESTART, state, -1, error) &&
		hooks_run(c->spec, SPEC_HOOK_CREATE_RUNTIME, state, -1, error) &&
		hooks_run(c->spec, SPEC_HOOK_CREATE_CONTAINER, state, c->pidfd, error)) ||
	       blame_init(c, error);
}

static bool create(struct container *c, GError **error)
{
	autofd fuse_mount = -1;

	c->state_inside = c->spec->hooks[SPEC_HOOK_START_CONTAINER]
				  ? state_text(c->spec, c->id, "created", 1)
				  : NULL;
	if (!plan(c, error) || !take_name(c, error) || !make_helpers_cgroup(c, error) ||
	    !wardenlink_spawn(c, error) || !make_cgroups(c, error) ||
	    !wardenlink_start(c, &fuse_mount, error) || !proxylink_start(c, error) ||
	    !mirror_prepare(c, error) || !build(c, fuse_mount, error) || !serve_start(c, error) ||
	    !mirror_start(c, error) || !equip(c, error))
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
	if (create(c, error))
		return true;
	blame_delete(c, error);
	container_end(c);
	return false;
}

/*
 * Wait for the end of the socket, which is the exec, or for why there was none. Return: true at the
 * exec, or with *@listener >= 0: then the process waits for CHILD_GO_LISTENER.
 */
static bool wait_event(int sync, int *listener, enum child_listener *whose, GError **error)
{
	struct child_event e;
	size_t n_fds = 0;
	ssize_t n;

	*listener = -1;
	n = fd_recv(sync, &e, sizeof(e), listener, 1, &n_fds);
	*whose = e.value;
	if (n == sizeof(e) && e.type == CHILD_LISTENER && n_fds == 1)
		return true;
	if (*listener >= 0)
		close(*listener);
	*listener = -1;
	if (n != sizeof(e) || e.type != CHILD_FAILED)
		return true;
	e.text[sizeof(e.text) - 1] = '\0';
	return error_set_code(error, e.value, "%s", e.text);
}

/* Each of its filters can have sent us a listener. */
#define LISTENERS_MAX 2

/**
 * container_wait_exec() - wait until the process executes its command, or for why it could not
 * @sync: the socket to it
 * @who: what its agent is told, if its filter has a listener
 *
 * If this fails the process is to be killed: it may be waiting for word.
 */
bool container_wait_exec(int sync, const struct seccomp *seccomp, const struct seccomp_process *who,
			 GError **error)
{
	for (int i = 0; i <= LISTENERS_MAX; i++) {
		enum child_listener whose;
		autofd fd = -1;

		if (!wait_event(sync, &fd, &whose, error))
			return false;
		if (fd < 0)
			return true;
		if (!(whose == CHILD_LISTENER_WARDEN
			      ? mediation_deliver(who->dir_fd, sync, fd, error)
			      : seccomp_deliver_listener(seccomp, who, fd, error)))
			return false;
		if (fd_send(sync, &(char){ CHILD_GO_LISTENER }, 1, NULL, 0) < 0)
			return error_set(error, "the process died before it could start");
	}
	return error_set(error, "garbled message from the container's process");
}

static bool say_start(int sync, const char *id, GError **error)
{
	return fd_send(sync, &(char){ CHILD_GO_START }, 1, NULL, 0) == 0 ||
	       error_set(error, "container \"%s\": its first process is gone", id);
}

/**
 * container_start() - let PID 1 execute the command; returns when it does or could not
 */
bool container_start(struct container *c, GError **error)
{
	const struct seccomp_process who = { .id = c->id,
					     .bundle = c->spec->bundle ?: "/",
					     .status = "created",
					     .init = c->pid,
					     .pid = c->pid,
					     .annotations = c->spec->annotations,
					     .dir_fd = c->dir_fd };

	if (!say_start(c->sync, c->id, error) ||
	    !container_wait_exec(c->sync, &c->seccomp, &who, error))
		return false;
	close(c->sync);
	c->sync = -1;
	return true;
}

/* As container_start(), of a container that another process has made and written down. */
static bool start_recorded(int root_fd, int dir, const char *id, int sync, GError **error)
{
	json_t *config = state_load_json(dir, "config.json");
	json_t *state = state_load_json(dir, "state.json");
	struct rundir_record record = { 0 };
	struct seccomp seccomp = { 0 };
	struct seccomp_process who = { .id = id, .status = "created", .dir_fd = dir };
	bool ok;

	who.bundle = json_string_value(json_object_get(state, "bundle")) ?: "/";
	who.annotations = json_object_get(config, "annotations");
	ok = rundir_read_record(dir, &record) == 0 ||
	     error_set(error, "container \"%s\": its state cannot be read", id);
	who.init = who.pid = record.init.pid;
	ok = ok &&
	     seccomp_prepare(json_object_get(json_object_get(config, "linux"), "seccomp"), root_fd,
			     &seccomp, error) &&
	     say_start(sync, id, error) && container_wait_exec(sync, &seccomp, &who, error);
	seccomp_clear(&seccomp);
	json_decref(config);
	json_decref(state);
	return ok;
}

/*
 * An engine deletes what could not be started as soon as we say so, and its shim stays for ever if
 * it has not collected PID 1 by then: say so after that. Whose child it is may be busy, or not
 * care.
 */
static void wait_collected(int pidfd)
{
	struct pollfd p = { .fd = pidfd, .events = POLLIN };

	if (pidfd < 0 || poll(&p, 1, 2000) != 1)
		return;
	for (int ms = 0; ms < 500 && sys_pidfd_send_signal(pidfd, 0) == 0; ms++)
		g_usleep(1000);
}

/**
 * container_start_created() - start what container_create() made, deferred, in another process
 *
 * The lock on the directory keeps a second `start` waiting until this one knows.
 */
bool container_start_created(int root_fd, const char *id, GError **error)
{
	autofd dir = rundir_enter(root_fd, id);
	struct rundir_record record = { 0 };
	autofd sync = -1, pidfd = -1;
	bool ok;

	if (dir < 0)
		return error_set(error, "container \"%s\" does not exist", id);
	if (flock(dir, LOCK_EX) < 0)
		return error_set_errno(error, -errno, "lock container \"%s\"", id);
	sync = startlink_connect(dir);
	if (sync < 0)
		return error_set(error,
				 "container \"%s\" is not in the created state; it can be started "
				 "once",
				 id);
	if (rundir_read_record(dir, &record) == 0)
		pidfd = proc_open(&record.init);
	ok = start_recorded(root_fd, dir, id, sync, error);
	startlink_remove(dir);
	if (!ok) {
		fd_close(fd_steal(&sync));
		wait_collected(pidfd);
	}
	return ok;
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

/*
 * The helpers are told to die first, so that they are gone by the time their cgroup is removed.
 */
static void remove_traces(struct container *c)
{
	/* Whoever deleted the container by name meanwhile may have made room for another of that
	 * name. */
	bool ours = rundir_is(c->root_fd, c->id, c->dir_fd);
	int left = 0;

	if (c->helpers.n > 0)
		cgroup_kill_start(&c->helpers);
	if (ours && c->has_cgroup && cgroup_remove(&c->cgroups, c->record.cgroup) < 0) {
		cgroup_kill(&c->cgroups, SIGKILL);
		left = cgroup_remove(&c->cgroups, c->record.cgroup);
	}
	if (ours)
		reap_scope(&c->record);
	sysctl_host_end(c->root_fd, &c->record.init);
	/* One that cannot die now has our ids: `delete` finishes it. */
	if (left != -EBUSY) {
		autofd lock = rundir_lock(c->root_fd);

		if (rundir_is(c->root_fd, c->id, c->dir_fd))
			rundir_remove(c->root_fd, c->id);
	}
	if (c->helpers.n > 0 && cgroup_remove(&c->helpers, c->record.helpers_cgroup) < 0) {
		cgroup_kill(&c->helpers, SIGKILL);
		cgroup_remove(&c->helpers, c->record.helpers_cgroup);
	}
}

/**
 * container_end() - kill what is left of the container and remove every trace. Idempotent.
 */
void container_end(struct container *c)
{
	if (c->pidfd >= 0 && !c->reaped) {
		sys_pidfd_send_signal(c->pidfd, SIGKILL);
		container_reap(c);
	}
	scope_release(&c->scope);
	if (c->dir_fd >= 0)
		remove_traces(c);
	container_close(c);
}

/**
 * container_close() - free what this process holds of the container
 */
void container_close(struct container *c)
{
	int *fds[] = { &c->dir_fd,  &c->alive_fd,    &c->pidfd,	   &c->sync,	&c->warden,
		       &c->console, &c->workshop_ns, &c->start_fd, &c->null_fd, &c->pids_fd };

	for (size_t i = 0; i < G_N_ELEMENTS(fds); i++) {
		if (*fds[i] >= 0)
			fd_close(*fds[i]);
		*fds[i] = -1;
	}
	reap_close_helpers(&c->helpers);
	cgroup_free(&c->cgroups);
	plan_clear(&c->plan);
	nsjoin_close(&c->join);
	scope_clear(&c->scope);
	g_clear_pointer(&c->state_inside, g_free);
	g_clear_pointer(&c->policy_events, g_strfreev);
	seccomp_clear(&c->seccomp);
	lsm_clear(&c->lsm);
}
