/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The list of host directories that containers may have, if the settings have one, and with whose
 * rights each is served.
 */
#include "config.h"
#include "policy/share.h"

#include "lib/fd.h"
#include "policy/events.h"
#include "policy/policy-error.h"

#include <fcntl.h>
#include <pwd.h>
#include <string.h>
#include <sys/stat.h>

/* Files that engines add to containers unasked, read-only: their init, an emulator. */
static bool is_added(const struct policy_mount *m)
{
	static const char *const targets[] = { "/sbin/docker-init", "/dev/init", "/run/podman-init",
					       "/dev/.buildkit_qemu_emulator" };

	for (size_t i = 0; m->readonly && i < G_N_ELEMENTS(targets); i++)
		if (strcmp(m->destination, targets[i]) == 0)
			return path_is_below(m->source, "/usr", NULL);
	return false;
}

/* What a kubelet prepares for its pods. */
static bool is_pods(const struct object *o)
{
	return path_is_below(o->path, "/var/lib/kubelet/pods", NULL);
}

/* Is @o in the shared directory @dir, by file system or by where both really are? */
static bool is_in(const struct object *o, const struct object *dir)
{
	if (path_is_below(o->path, dir->path, NULL))
		return true;
	return o->mount && dir->mount && o->mount->dev == dir->mount->dev && o->fspath &&
	       dir->fspath && path_is_below(o->fspath, dir->fspath, NULL);
}

static bool is_in_share(const struct policy *p, const struct settings_share *share,
			const struct object *o, struct stat *owner)
{
	autofd fd = open(share->path, O_PATH | O_CLOEXEC);
	struct object dir = { 0 };
	bool in = fd >= 0 && object_open(&p->mounts, fd, &dir) == 0 && is_in(o, &dir) &&
		  fstat(fd, owner) == 0;

	object_clear(&dir);
	return in;
}

/* The share that is nearest to the source. */
static const struct settings_share *find(const struct policy *p, const struct object *o,
					 struct stat *owner)
{
	const struct settings_share *best = NULL;

	for (guint i = 0; i < p->settings->shares->len; i++) {
		const struct settings_share *share = p->settings->shares->pdata[i];
		struct stat st;

		if (!is_in_share(p, share, o, &st) ||
		    (best && strlen(best->path) >= strlen(share->path)))
			continue;
		best = share;
		*owner = st;
	}
	return best;
}

static bool grant_user(const struct settings_share *share, struct policy_grant *grant,
		       GError **error)
{
	const struct passwd *pw = getpwnam(share->user);

	if (!pw)
		return policy_error_set(error,
					"settings: fileSharing: \"%s\" is to be served as \"%s\", "
					"whom this host does not know",
					share->path, share->user);
	grant->as_user = true;
	grant->uid = pw->pw_uid;
	return true;
}

static void grant_owner(const struct stat *owner, struct policy_grant *grant)
{
	grant->as_user = true;
	grant->uid = owner->st_uid;
}

/**
 * share_judge() - is the source of @m shared, and as whom?
 */
bool share_judge(struct policy *p, const struct policy_mount *m, const struct object *o,
		 struct policy_grant *grant, GError **error)
{
	const struct settings_share *share;
	g_autofree char *text = NULL;
	struct stat owner;

	if (!p->settings->has_shares || is_added(m) || is_pods(o) || p->restricted.building)
		return true;
#ifdef MUTANT_SHARES_IGNORED
	return true;
#endif
	share = find(p, o, &owner);
	if (!share) {
		text = g_strdup_printf(
			"error in the container spec: can't mount %s because it's not in a shared "
			"directory; if you wish to share it, add it to fileSharing.directories in "
			"the Cloister settings",
			m->source);
		return events_refuse(p, p->settings->shares_mode, text, error);
	}
	grant->readonly = share->readonly;
	if (share->as == AS_USER)
		return grant_user(share, grant, error);
	if (share->as == AS_OWNER && owner.st_uid != 0)
		grant_owner(&owner, grant);
	return true;
}
