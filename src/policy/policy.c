/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the administrator's settings say of the mounts of one container.
 *
 * Theory of operation. The runtime opens the source of each mount once, and asks here about that
 * descriptor; what it mounts afterwards is a clone made from the same descriptor. So nothing that
 * is decided here can be changed by renaming, and no way of asking (-v, --mount, --volumes-from, a
 * volume's driver options) is special: they all end in a source.
 *
 *   restricted.c  is it, contains it, or lies it in what no container may have?
 *   sockets.c     is it, or contains it, the socket of an engine? Then images.c says whether the
 *                 container's image may have it; what it gets is the proxy's socket, never that one
 *   share.c       is there a list of directories to share, and is it on it?
 *
 * A recursive mount carries others along: each is judged as a source is. An overlay shows its
 * layers: each is judged too. If the host's mounts change while all that happens, it is done again
 * (policy_settled()).
 *
 * What an attacker controls: which sources are asked for, and, with the engine's help, volumes with
 * mounts of their choice. Anything that cannot be told is refused.
 */
#include "config.h"
#include "policy/policy-internal.h"

#include "lib/fd.h"
#include "policy/events.h"
#include "policy/policy-error.h"
#include "policy/share.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#define RESTRICTED                                                                                 \
	"error in the container spec: can't mount %s because it's configured as a restricted "     \
	"host mount"

/**
 * policy_begin() - prepare to judge the mounts of one container
 * @settings: owned by @p from here on
 * @who: borrowed
 */
bool policy_begin(struct policy *p, struct settings *settings, const struct subject *who,
		  policy_layers_fn layers, GError **error)
{
	*p = (struct policy){ .settings = settings,
			      .who = *who,
			      .layers = layers,
			      .events = g_ptr_array_new_with_free_func(g_free),
			      .warnings = g_ptr_array_new_with_free_func(g_free) };
	sockets_init(&p->sockets);
	for (guint i = 0; i < settings->warnings->len; i++)
		g_ptr_array_add(p->warnings, g_strdup(settings->warnings->pdata[i]));
	return mounttab_open(&p->mounts) ||
	       policy_error_set(error, "policy: /proc/self/mountinfo: %s", g_strerror(errno));
}

/**
 * policy_end() - the end of policy_begin(); also if that has failed
 */
void policy_end(struct policy *p)
{
	if (!p->settings)
		return;
	mounttab_close(&p->mounts);
	if (p->loaded)
		restricted_clear(&p->restricted);
	sockets_clear(&p->sockets);
	g_clear_pointer(&p->events, g_ptr_array_unref);
	g_clear_pointer(&p->warnings, g_ptr_array_unref);
	g_clear_pointer(&p->settings, settings_free);
}

/**
 * policy_grant_clear() - free what policy_judge() put there
 */
void policy_grant_clear(struct policy_grant *grant)
{
	g_clear_pointer(&grant->hide, g_ptr_array_unref);
	g_clear_pointer(&grant->socket, g_free);
	g_clear_pointer(&grant->image, g_free);
}

/*
 * Is @dir where an engine keeps its state? Docker's has both of the first pair; /var/lib, where
 * Podman's and Docker's lie side by side, has a directory "containers" too.
 */
static bool is_state_of_engine(const char *dir)
{
	static const char *const marks[][2] = { { "containers", "volumes" },
						{ "overlay-containers", "." },
						{ "io.containerd.metadata.v1.bolt", "." } };

	for (size_t i = 0; i < G_N_ELEMENTS(marks); i++) {
		g_autofree char *a = g_build_filename(dir, marks[i][0], NULL);
		g_autofree char *b = g_build_filename(dir, marks[i][1], NULL);

		if (access(a, F_OK) == 0 && access(b, F_OK) == 0)
			return true;
	}
	return false;
}

/* An engine keeps its state where it was told to: found from the container it makes. */
static void add_engine_of(struct policy *p)
{
	g_autofree char *dir = p->who.root_path ? g_path_get_dirname(p->who.root_path) : NULL;

	for (int up = 0; dir && up < 5 && strcmp(dir, "/") != 0; up++) {
		char *parent = g_path_get_dirname(dir);

		if (is_state_of_engine(dir))
			restricted_add(&p->restricted, &p->mounts, dir, RESTRICTED_ENGINE);
		g_free(dir);
		dir = parent;
	}
}

/* containerd's, by the bundle that it made there. */
static void add_state_of_engine(struct policy *p)
{
	const char *tasks = p->who.bundle ? strstr(p->who.bundle, "/io.containerd.runtime.v2.task/")
					  : NULL;
	g_autofree char *dir = tasks ? g_strndup(p->who.bundle, tasks - p->who.bundle) : NULL;

	if (dir && *dir)
		restricted_add(&p->restricted, &p->mounts, dir, RESTRICTED_ENGINE);
}

/* Our own, wherever --root has put it. */
static void add_own_state(struct policy *p)
{
#ifdef MUTANT_STATE_GIVEN
	return;
#endif
	if (p->who.state_dir)
		restricted_add(&p->restricted, &p->mounts, p->who.state_dir, 0);
}

static bool load(struct policy *p, GError **error)
{
	if (p->loaded)
		return true;
	if (!mounttab_read(&p->mounts))
		return policy_error_set(error, "policy: /proc/self/mountinfo cannot be read");
	restricted_load(&p->restricted, &p->mounts, p->settings);
	p->loaded = true;
	add_engine_of(p);
	add_state_of_engine(p);
	add_own_state(p);
	if (p->who.bundle && strstr(p->who.bundle, "/buildkit/executor/"))
		p->restricted.building = p->who.bundle;
	return true;
}

/**
 * policy_settled() - were the host's mounts the same all the time since policy_begin()?
 *
 * If not, what was mounted may carry along what nobody has seen: the caller opens the sources anew.
 */
bool policy_settled(struct policy *p)
{
	if (!p->loaded || !mounttab_changed(&p->mounts))
		return true;
	restricted_clear(&p->restricted);
	p->loaded = false;
	return false;
}

static char *explain(const struct restricted_hit *hit, const char *source)
{
	const struct restricted_object *o = hit->object;

	switch (hit->relation) {
	case REL_SAME:
		return strcmp(o->path, source) == 0 ? g_strdup("")
						    : g_strdup_printf(" (it is %s)", o->path);
	case REL_BELOW:
		return path_is_below(source, o->path, NULL)
			       ? g_strdup("")
			       : g_strdup_printf(" (it is part of %s)", o->path);
	case REL_ABOVE:
		return g_strdup_printf(" (it contains %s)", o->path);
	case REL_KERNEL:
		return g_strdup(" (it shows the kernel's files of the host)");
	case REL_DEVICE:
		return g_strdup(" (it is a block device)");
	default:
		return g_strdup(" (what it shows cannot be told)");
	}
}

static bool refuse_restricted(struct policy *p, const struct policy_mount *m,
			      const struct restricted_hit *hit, GError **error)
{
	g_autofree char *why = explain(hit, m->source);
	g_autofree char *text = g_strdup_printf(RESTRICTED "%s", m->source, why);

	return events_refuse(p, p->settings->mounts_mode, text, error);
}

static bool is_nothing(const struct restricted_hit *hit)
{
	return hit->relation == REL_NONE;
}

/*
 * The names below the source that have to be hidden. What lies on another mount is not shown: a
 * server shows one.
 */
static GPtrArray *list_hidden(const struct policy *p, const struct object *o)
{
	GPtrArray *hide = g_ptr_array_new_with_free_func(g_free);

#ifdef MUTANT_NAMES_SHOWN
	return hide;
#endif
	for (guint i = 0; i < p->restricted.objects->len; i++) {
		const struct restricted_object *in = p->restricted.objects->pdata[i];
		const char *rest;

		if (in->fspath && in->fs == o->mount->dev &&
		    path_is_below(in->fspath, o->fspath, &rest) && *rest &&
		    !g_ptr_array_find_with_equal_func(hide, rest, g_str_equal, NULL))
			g_ptr_array_add(hide, g_strdup(rest));
	}
	return hide;
}

static bool judge_layers(struct policy *p, const struct policy_mount *m, const struct object *o,
			 bool readonly, GError **error);

/* What is at one place: the source, or what one of the mounts it carries along shows. */
static bool judge_object(struct policy *p, const struct policy_mount *m, const struct object *o,
			 bool readonly, struct policy_grant *grant, GError **error)
{
	struct restricted_hit hit = restricted_find(&p->restricted, o, readonly, m->rec_readonly,
						    m->destination == NULL);

	if (hit.relation == REL_ABOVE && p->settings->hide && m->destination && S_ISDIR(o->mode) &&
	    grant && !grant->hide) {
		grant->hide = list_hidden(p, o);
		return true;
	}
	if (!is_nothing(&hit))
		return refuse_restricted(p, m, &hit, error);
	return judge_layers(p, m, o, readonly, error);
}

/* The layer @name of an overlay, and in it what the source shows. */
static bool judge_layer(struct policy *p, const struct policy_mount *m, const char *name,
			const char *below, bool readonly, GError **error)
{
	const struct restricted_hit unknown = { REL_UNKNOWN };
	g_autofree char *path = g_build_filename(name, below, NULL);
	autofd layer = open(name, O_PATH | O_CLOEXEC);
	autofd fd = layer < 0 ? -1 : open(path, O_PATH | O_CLOEXEC);
	struct object o = { 0 };
	bool ok;

	if (name[0] != '/' || layer < 0)
		return refuse_restricted(p, m, &unknown, error);
	if (fd < 0)
		return true; /* not in this layer */
	ok = object_open(&p->mounts, fd, &o) < 0 ? refuse_restricted(p, m, &unknown, error)
						 : judge_object(p, m, &o, readonly, NULL, error);
	object_clear(&o);
	return ok;
}

/*
 * An overlay that is the host's own root, or, read, that its administrator has over a directory of
 * the system (systemd-sysext(8), systemd-confext(8)): the layers are not to be had from here by
 * their names, and what it shows is what the host itself has under this one.
 */
static bool is_hosts_own(const struct object *o, bool readonly)
{
	static const char *const system[] = { "/usr", "/opt", "/etc" };
	struct stat st;

	for (size_t i = 0; readonly && i < G_N_ELEMENTS(system); i++)
		if (strcmp(o->mount->point, system[i]) == 0)
			return true;
	return stat("/", &st) == 0 && st.st_dev == o->mount->dev;
}

static bool judge_layers(struct policy *p, const struct policy_mount *m, const struct object *o,
			 bool readonly, GError **error)
{
	g_autoptr(GPtrArray) layers = NULL;

	if (!o->mount || strcmp(o->mount->fstype, "overlay") != 0 || !m->destination ||
	    !p->layers || is_hosts_own(o, readonly))
		return true;
#ifdef MUTANT_LAYERS_UNSEEN
	return true;
#endif
	layers = p->layers(p->mounts.text, o->mount->id);
	if (!layers) {
		const struct restricted_hit unknown = { REL_UNKNOWN };

		return refuse_restricted(p, m, &unknown, error);
	}
	for (guint i = 0; i < layers->len; i++)
		if (!judge_layer(p, m, layers->pdata[i], o->fspath, readonly, error))
			return false;
	return true;
}

/* One of the mounts that a recursive mount carries along. */
static bool judge_carried(struct policy *p, const struct policy_mount *m,
			  const struct mounttab_entry *e, GError **error)
{
	struct restricted_hit hit = restricted_find_mount(&p->restricted, e, m->rec_readonly);
	autofd fd = open(e->point, O_PATH | O_CLOEXEC);
	struct object o = { 0 };
	bool ok = true;

	if (!is_nothing(&hit))
		return refuse_restricted(p, m, &hit, error);
	/* What another mount hides is told by its file system alone. */
	if (fd >= 0 && object_open(&p->mounts, fd, &o) == 0 && o.mount_id == e->id)
		ok = judge_object(p, m, &o, m->rec_readonly, NULL, error);
	object_clear(&o);
	return ok;
}

static bool judge_all_carried(struct policy *p, const struct policy_mount *m,
			      const struct object *o, GError **error)
{
	g_autoptr(GPtrArray) below = g_ptr_array_new();

	if (!m->recursive || !S_ISDIR(o->mode))
		return true;
	mounttab_below(&p->mounts, o, below);
	for (guint i = 0; i < below->len; i++)
		if (!judge_carried(p, m, below->pdata[i], error))
			return false;
	return true;
}

static bool judge_opened(struct policy *p, const struct policy_mount *m, const struct object *o,
			 struct policy_grant *grant, GError **error)
{
	bool engines = restricted_is_engines(&p->restricted, &p->mounts, o);

	if (S_ISSOCK(o->mode) && m->destination && !restricted_is_forwarded(&p->restricted, o) &&
	    policy_is_socket(p, o))
		return policy_judge_socket(p, o, grant, error);
	if (!judge_object(p, m, o, m->readonly, grant, error) || !judge_all_carried(p, m, o, error))
		return false;
	if (!m->destination || m->own)
		return true;
	if (!engines && !policy_judge_sockets_below(p, o, grant, error))
		return false;
	return engines || share_judge(p, m, o, grant, error);
}

/**
 * policy_judge() - may the container have this mount, and how?
 * @grant: cleared with policy_grant_clear(), also on failure
 */
bool policy_judge(struct policy *p, const struct policy_mount *m, struct policy_grant *grant,
		  GError **error)
{
	struct object o = { 0 };
	bool ok;
	int r;

	*grant = (struct policy_grant){ 0 };
	if (p->settings->disabled)
		return true;
	if (!load(p, error))
		return false;
	r = object_open(&p->mounts, m->fd, &o);
	ok = r < 0 ? policy_error_set(error, "policy: \"%s\": %s", m->source, g_strerror(-r))
		   : judge_opened(p, m, &o, grant, error);
	object_clear(&o);
	return ok;
}
