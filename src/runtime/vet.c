/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The administrator's policy, asked about the mounts of a specification.
 */
#include "config.h"
#include "runtime/vet.h"

#include "lib/sys.h"
#include "runtime/error.h"
#include "runtime/overlay.h"

#include <sys/mount.h>

/* What an overlay is made of, as policy_judge() wants it. */
static GPtrArray *layers_of(const char *mountinfo, uint64_t id)
{
	struct overlay_options o;
	GPtrArray *names = NULL;

	if (overlay_parse(mountinfo, id, &o, NULL)) {
		names = g_ptr_array_new_with_free_func(g_free);
		for (guint i = 0; i < o.lower->len; i++)
			g_ptr_array_add(names, g_strdup(o.lower->pdata[i]));
		if (o.upper)
			g_ptr_array_add(names, overlay_unescape(o.upper));
	}
	overlay_options_clear(&o);
	return names;
}

/**
 * vet_begin() - read the settings and prepare to ask them about one container
 * @settings: a file that was named in the place of the usual one, or NULL
 */
bool vet_begin(struct vet *v, const struct subject *who, const char *settings, GError **error)
{
	struct settings *s = settings_load(settings, error);

	return s && policy_begin(&v->policy, s, who, layers_of, error);
}

/**
 * vet_root() - may the container's root file system be what @fd stands for?
 */
bool vet_root(struct vet *v, const char *path, int fd, GError **error)
{
	const struct policy_mount m = { .fd = fd, .source = path };
	struct policy_grant grant;
	bool ok = policy_judge(&v->policy, &m, &grant, error);

	policy_grant_clear(&grant);
	return ok;
}

/* "ro" is of all that a mount carries along, where the kernel can say that (tree.c; Linux 5.12). */
static bool readonly_throughout(const struct spec_mount *m)
{
	return m->rec_set & MOUNT_ATTR_RDONLY ||
	       (m->set & MOUNT_ATTR_RDONLY && sys_mount_setattr(-1, true, 0, 0, -1) != -ENOSYS);
}

/**
 * vet_mount() - may the container have the bind mount @m of what @fd stands for, and how?
 */
bool vet_mount(struct vet *v, const struct spec_mount *m, int fd, struct policy_grant *grant,
	       GError **error)
{
	const struct policy_mount ask = {
		.fd = fd,
		.source = m->source,
		.destination = m->destination,
		.recursive = m->recursive,
		.readonly = m->set & MOUNT_ATTR_RDONLY || m->rec_set & MOUNT_ATTR_RDONLY,
		.rec_readonly = readonly_throughout(m),
		.own = v->own_tree && m->shift_optional,
	};

	return policy_judge(&v->policy, &ask, grant, error);
}

/**
 * vet_report() - tell whoever starts the container, and `cloister status`, what there was to say
 */
void vet_report(const struct vet *v, const struct spec *spec, int state_fd)
{
	for (guint i = 0; spec->process.warnings && i < v->policy.warnings->len; i++)
		g_ptr_array_add(spec->process.warnings, g_strdup(v->policy.warnings->pdata[i]));
	for (guint i = 0; i < v->policy.events->len; i++)
		policy_refused_add(state_fd, v->policy.who.id, v->policy.events->pdata[i]);
}

/**
 * vet_end() - the end of vet_begin(); also if that has failed, or was never called
 */
void vet_end(struct vet *v)
{
	policy_end(&v->policy);
}
