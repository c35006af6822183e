/* SPDX-License-Identifier: Apache-2.0 */
/*
 * "mounts": options by name to flags of the mount, of its superblock, and data of its file system.
 * One table says what there is; `features` prints it.
 */
#include "config.h"
#include "runtime/spec-internal.h"

#include <linux/mount.h>
#include <string.h>
#include <sys/mount.h>

enum kind {
	ATTR,	     /* of the mount; with "r" in front of the whole tree */
	PROPAGATION, /* .set is MS_*; with "r" in front | MS_REC */
	BIND,
	IDMAP,
	COPYUP,
	SUPERBLOCK, /* the kernel takes the name itself (fsconfig), for a new file system */
	NOTHING,    /* without effect on Linux >= 5.10, or for what we mount */
};

static const struct option {
	const char *name;
	enum kind kind;
	uint64_t set, clear;
} options[] = {
	{ "async", SUPERBLOCK },
	{ "atime", ATTR, 0, MOUNT_ATTR_NOATIME },
	{ "bind", BIND, 0 },
	{ "defaults", NOTHING },
	{ "dev", ATTR, 0, MOUNT_ATTR_NODEV },
	{ "diratime", ATTR, 0, MOUNT_ATTR_NODIRATIME },
	{ "dirsync", SUPERBLOCK },
	{ "exec", ATTR, 0, MOUNT_ATTR_NOEXEC },
	{ "idmap", IDMAP, 0 },
	{ "iversion", NOTHING }, /* the file system's own decision since 4.16 */
	{ "lazytime", SUPERBLOCK },
	{ "loud", NOTHING }, /* what a mount may print to the kernel's log */
	{ "mand", NOTHING }, /* gone from the kernel in 5.15 */
	{ "noatime", ATTR, MOUNT_ATTR_NOATIME, MOUNT_ATTR_STRICTATIME },
	{ "nodev", ATTR, MOUNT_ATTR_NODEV, 0 },
	{ "nodiratime", ATTR, MOUNT_ATTR_NODIRATIME, 0 },
	{ "noexec", ATTR, MOUNT_ATTR_NOEXEC, 0 },
	{ "noiversion", NOTHING },
	{ "nolazytime", SUPERBLOCK },
	{ "nomand", NOTHING },
	{ "norelatime", ATTR, 0, 0 }, /* the kernel's default is relatime again */
	{ "nostrictatime", ATTR, 0, MOUNT_ATTR_STRICTATIME },
	{ "nosuid", ATTR, MOUNT_ATTR_NOSUID, 0 },
	{ "nosymfollow", ATTR, MOUNT_ATTR_NOSYMFOLLOW, 0 },
	{ "private", PROPAGATION, MS_PRIVATE },
	{ "rbind", BIND, 1 },
	{ "relatime", ATTR, 0, MOUNT_ATTR_NOATIME | MOUNT_ATTR_STRICTATIME },
	{ "remount", NOTHING }, /* refused except for binds, whose flags are set anyway */
	{ "ridmap", IDMAP, 1 },
	{ "ro", ATTR, MOUNT_ATTR_RDONLY, 0 },
	{ "rprivate", PROPAGATION, MS_PRIVATE | MS_REC },
	{ "rshared", PROPAGATION, MS_SHARED | MS_REC },
	{ "rslave", PROPAGATION, MS_SLAVE | MS_REC },
	{ "runbindable", PROPAGATION, MS_UNBINDABLE | MS_REC },
	{ "rw", ATTR, 0, MOUNT_ATTR_RDONLY },
	{ "shared", PROPAGATION, MS_SHARED },
	{ "silent", NOTHING },
	{ "slave", PROPAGATION, MS_SLAVE },
	{ "strictatime", ATTR, MOUNT_ATTR_STRICTATIME, MOUNT_ATTR_NOATIME },
	{ "suid", ATTR, 0, MOUNT_ATTR_NOSUID },
	{ "symfollow", ATTR, 0, MOUNT_ATTR_NOSYMFOLLOW },
	{ "sync", SUPERBLOCK },
	{ "tmpcopyup", COPYUP },
	{ "unbindable", PROPAGATION, MS_UNBINDABLE },
};

/* What the options of one mount are collected in. */
struct reading {
	struct spec_mount *m;
	GString *data;
	bool remount;
};

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/**
 * spec_mount_option_names() - the options that do not go to the file system, sorted; g_strfreev()
 */
char **spec_mount_option_names(void)
{
	GPtrArray *names = g_ptr_array_new();

	for (size_t i = 0; i < G_N_ELEMENTS(options); i++) {
		g_ptr_array_add(names, g_strdup(options[i].name));
		if (options[i].kind == ATTR)
			g_ptr_array_add(names, g_strconcat("r", options[i].name, NULL));
	}
	qsort(names->pdata, names->len, sizeof(char *), compare_names);
	g_ptr_array_add(names, NULL);
	return (char **)g_ptr_array_free(names, false);
}

/* @recursive: @name is that of an ATTR with "r" in front. */
static const struct option *find_option(const char *name, bool *recursive)
{
	*recursive = false;
	for (size_t i = 0; i < G_N_ELEMENTS(options); i++)
		if (strcmp(options[i].name, name) == 0)
			return &options[i];
	*recursive = name[0] == 'r';
	for (size_t i = 0; *recursive && i < G_N_ELEMENTS(options); i++)
		if (options[i].kind == ATTR && strcmp(options[i].name, name + 1) == 0)
			return &options[i];
	return NULL;
}

/**
 * spec_propagation() - MS_* of "private", "rslave", …
 */
bool spec_propagation(const char *name, unsigned long *ret)
{
	bool recursive;
	const struct option *o = find_option(name, &recursive);

	if (!o || o->kind != PROPAGATION)
		return false;
	*ret = o->set;
	return true;
}

/* The last of two that contradict each other counts, as for mount(8). */
static void apply_attr(const struct option *o, uint64_t *set, uint64_t *clear)
{
	*set = (*set & ~o->clear) | o->set;
	*clear = (*clear & ~o->set) | o->clear;
}

static void apply_option(struct reading *r, const struct option *o, bool recursive)
{
	struct spec_mount *m = r->m;

	switch (o->kind) {
	case ATTR:
		if (recursive)
			apply_attr(o, &m->rec_set, &m->rec_clear);
		else
			apply_attr(o, &m->set, &m->clear);
		break;
	case PROPAGATION:
		m->propagation = o->set;
		break;
	case BIND:
		m->bind = true;
		m->recursive = o->set;
		break;
	case IDMAP:
		m->idmap = true;
		m->idmap_recursive = o->set;
		break;
	case COPYUP:
		m->tmpcopyup = true;
		break;
	case SUPERBLOCK:
		g_string_append_printf(r->data, "%s%s", r->data->len ? "," : "", o->name);
		break;
	case NOTHING:
		r->remount |= strcmp(o->name, "remount") == 0;
		break;
	}
}

/* Ours, of binds. Return: whether it is one of them; *@good: whether its value can be. */
static bool read_serve(struct spec_mount *m, const char *text, bool *good)
{
	const char *value = strchr(text, '=');
	struct spec_serve *s = &m->serve;

	*good = value && value[1];
	if (strcmp(text, "shiftfs") == 0) {
		*good = true;
	} else if (g_str_has_prefix(text, "as=")) {
		g_free(s->as);
		s->as = g_strdup(value + 1);
	} else if (g_str_has_prefix(text, "hide=")) {
		if (!s->hide)
			s->hide = g_ptr_array_new_with_free_func(g_free);
		g_ptr_array_add(s->hide, g_strdup(value + 1));
	} else if (g_str_has_prefix(text, "cache=")) {
		g_free(s->cache);
		s->cache = g_strdup(value + 1);
		*good = strcmp(s->cache, "strict") == 0 || strcmp(s->cache, "auto") == 0 ||
			strcmp(s->cache, "always") == 0;
		return true;
	} else {
		return false;
	}
	s->always = true;
	return true;
}

static bool may_be_bind(const struct spec_mount *m)
{
	return m->bind || !m->type || !*m->type || strcmp(m->type, "bind") == 0 ||
	       strcmp(m->type, "none") == 0;
}

static bool read_option(struct reading *r, const char *where, const char *key, const char *text,
			GError **error)
{
	bool recursive;
	const struct option *o = find_option(text, &recursive);
	bool good;

	if (o) {
		apply_option(r, o, recursive);
		return true;
	}
	if (may_be_bind(r->m) && read_serve(r->m, text, &good))
		return good ||
		       spec_bad(error, where, key, "\"%s\": the value cannot be that", text);
	if (g_str_has_prefix(text, "idmap=") || g_str_has_prefix(text, "ridmap="))
		return spec_bad(error, where, key,
				"\"%s\": give the ids as uidMappings and gidMappings", text);
	/* A comma would make two options of one. */
	if (strchr(text, ',') && !strchr(text, '='))
		return spec_bad(error, where, key, "\"%s\": give one option an entry", text);
	if (*text)
		g_string_append_printf(r->data, "%s%s", r->data->len ? "," : "", text);
	return true;
}

/* mount_setattr(2): who sets an access time mode clears the whole field. */
static void finish_atime(uint64_t set, uint64_t *clear)
{
	if ((set | *clear) & MOUNT_ATTR__ATIME)
		*clear |= MOUNT_ATTR__ATIME;
}

static bool parse_options(struct reading *r, json_t *json, const char *where, GError **error)
{
	json_t *array, *item;
	size_t i;

	if (!spec_get_array(json, where, "options", &array, error))
		return false;
	json_array_foreach(array, i, item)
	{
		g_autofree char *key = g_strdup_printf("options[%zu]", i);
		const char *text;

		if (!spec_string_value(item, where, key, SPEC_PATH_MAX, &text, error) ||
		    !read_option(r, where, key, text, error))
			return false;
	}
	finish_atime(r->m->set, &r->m->clear);
	finish_atime(r->m->rec_set, &r->m->rec_clear);
	return true;
}

static bool parse_places(struct spec_mount *m, json_t *json, const char *where, GError **error)
{
	const char *destination;

	if (!spec_get_name(json, where, "destination", &destination, error) ||
	    !spec_get_string(json, where, "source", SPEC_PATH_MAX, &m->source, error) ||
	    !spec_get_string(json, where, "type", 255, &m->type, error))
		return false;
	/* A relative one is below the root (specification 1.2). */
	m->destination = g_canonicalize_filename(destination + strspn(destination, "/"), "/");
	if (strcmp(m->destination, "/") == 0)
		return spec_bad(error, where, "destination",
				"\"%s\" is the root itself; give its directory as root.path",
				destination);
	return true;
}

/* "idmap" without mappings is the container's: it has a user namespace in any case. */
static bool parse_idmap(struct spec_mount *m, json_t *json, const char *where, GError **error)
{
	if (!spec_get_map(json, where, "uidMappings", m->uid_map, error) ||
	    !spec_get_map(json, where, "gidMappings", m->gid_map, error))
		return false;
	if (!m->uid_map->len != !m->gid_map->len)
		return spec_bad(error, where, m->uid_map->len ? "gidMappings" : "uidMappings",
				"is missing; give both mappings or none");
	m->idmap |= m->uid_map->len > 0;
	return true;
}

/* What kind of mount this is, now that options and type are known. */
static bool settle_kind(struct reading *r, const struct spec *spec, const char *where,
			GError **error)
{
	struct spec_mount *m = r->m;
	g_autofree char *source = NULL;

	if (g_strcmp0(m->type, "bind") == 0)
		m->bind = true;
	if (m->tmpcopyup && (m->bind || g_strcmp0(m->type, "tmpfs") != 0))
		return spec_bad(error, where, "options", "\"tmpcopyup\" needs the type tmpfs");
	if (r->remount && !m->bind)
		return spec_bad(error, where, "options",
				"\"remount\" works for bind mounts; give the options to the mount "
				"itself");
	if ((m->serve.always || m->serve.cache) && !m->bind)
		return spec_bad(error, where, "options",
				"\"shiftfs\", \"as=\", \"hide=\" and \"cache=\" are for bind "
				"mounts");
	if (!m->bind) {
		if (!m->type || !*m->type || strcmp(m->type, "none") == 0)
			return spec_bad(error, where, "type",
					"is missing, and options have no \"bind\"");
		m->data = r->data->len ? g_strdup(r->data->str) : NULL;
		return true;
	}
	if (!m->source || !*m->source)
		return spec_bad(error, where, "source",
				"is missing; give the file or directory to show at \"%s\"",
				m->destination);
	source = spec_path_below(spec->bundle, m->source);
	if (strlen(source) > SPEC_PATH_MAX)
		return spec_bad(error, where, "source", "the path below the bundle is too long");
	g_free(m->source);
	m->source = g_steal_pointer(&source);
	g_free(m->type);
	m->type = g_strdup("bind");
	return true;
}

static bool parse_annotations(struct spec_mount *m, json_t *json, const char *where, GError **error)
{
	json_t *shift = json_object_get(spec_get(json, "annotations"), ANNOTATION_SHIFT);

	m->shift_optional = g_strcmp0(json_string_value(shift), "optional") == 0;
	return spec_string_map(json, where, "annotations", error);
}

static bool parse_mount(struct spec *spec, json_t *json, const char *where, GError **error)
{
	g_autoptr(GString) data = g_string_new(NULL);
	struct spec_mount *m = g_new0(struct spec_mount, 1);
	struct reading r = { .m = m, .data = data };

	g_ptr_array_add(spec->mounts, m);
	m->uid_map = g_array_new(false, false, sizeof(struct spec_map));
	m->gid_map = g_array_new(false, false, sizeof(struct spec_map));
	return spec_is_object(json, where, error) && parse_places(m, json, where, error) &&
	       parse_options(&r, json, where, error) && settle_kind(&r, spec, where, error) &&
	       parse_idmap(m, json, where, error) && parse_annotations(m, json, where, error);
}

static void mount_free(void *data)
{
	struct spec_mount *m = data;

	g_free(m->destination);
	g_free(m->type);
	g_free(m->source);
	g_free(m->data);
	g_free(m->serve.as);
	g_free(m->serve.cache);
	g_clear_pointer(&m->serve.hide, g_ptr_array_unref);
	g_clear_pointer(&m->uid_map, g_array_unref);
	g_clear_pointer(&m->gid_map, g_array_unref);
	g_free(m);
}

/**
 * spec_parse_mounts() - the array "mounts", in its order; after the namespaces
 */
bool spec_parse_mounts(struct spec *spec, json_t *array, GError **error)
{
	json_t *item;
	size_t i;

	spec->mounts = g_ptr_array_new_with_free_func(mount_free);
	json_array_foreach(array, i, item)
	{
		char where[SPEC_WHERE_MAX];

		g_snprintf(where, sizeof(where), "mounts[%zu]", i);
		if (!parse_mount(spec, item, where, error))
			return false;
	}
	return true;
}
