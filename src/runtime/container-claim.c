/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a container takes for itself before it exists: its name, its range of ids, its control
 * groups. Each is on record before it is used, so that whoever comes after us can give it back.
 */
#include "config.h"
#include "runtime/container-internal.h"

#include "lib/fd.h"
#include "lib/reap.h"
#include "runtime/error.h"
#include "runtime/startlink.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Each helper is small; what the container makes them hold is capped, and this is the last wall. */
#ifdef CLOISTER_SANITIZED /* which takes several times as much */
#define HELPERS_MEMORY_LIMIT (1024 << 20)
#else
#define HELPERS_MEMORY_LIMIT (64 << 20)
#endif

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
bool container_take_name(struct container *c, GError **error)
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
	r = rundir_own_cgroup(c->dir_fd);
	return r == 0 || error_set_errno(error, r, "write the state of \"%s\"", c->id);
}

/**
 * container_make_cgroups() - the container's cgroups, limited, and delegated to its root
 */
bool container_make_cgroups(struct container *c, GError **error)
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

/**
 * container_make_helpers_cgroup() - the helpers' own cgroup
 *
 * Outside the container's, so that no limit or freeze of it holds them.
 */
bool container_make_helpers_cgroup(struct container *c, GError **error)
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
