/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Options of a mount. mount(8) passes on to a helper what is not its own: our options, flags of the
 * mount, and words for those who read /etc/fstab, which mean nothing here; at a remount also what
 * /proc/self/mountinfo shows.
 */
#include "config.h"
#include "options.h"
#include "lib/sys.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *name;
	uint64_t set, clear;
} flags[] = {
	{ "ro", MOUNT_ATTR_RDONLY, 0 },
	{ "rw", 0, MOUNT_ATTR_RDONLY },
	{ "nosuid", MOUNT_ATTR_NOSUID, 0 },
	{ "nodev", MOUNT_ATTR_NODEV, 0 },
	{ "noexec", MOUNT_ATTR_NOEXEC, 0 },
	{ "exec", 0, MOUNT_ATTR_NOEXEC },
	{ "noatime", MOUNT_ATTR_NOATIME, MOUNT_ATTR__ATIME },
	{ "atime", 0, MOUNT_ATTR__ATIME },
	{ "relatime", 0, MOUNT_ATTR__ATIME },
	{ "norelatime", 0, MOUNT_ATTR__ATIME },
	{ "strictatime", MOUNT_ATTR_STRICTATIME, MOUNT_ATTR__ATIME },
	{ "nostrictatime", 0, MOUNT_ATTR__ATIME },
	{ "nodiratime", MOUNT_ATTR_NODIRATIME, 0 },
	{ "diratime", 0, MOUNT_ATTR_NODIRATIME },
	{ "nosymfollow", MOUNT_ATTR_NOSYMFOLLOW, 0 },
	{ "symfollow", 0, MOUNT_ATTR_NOSYMFOLLOW },
};

/*
 * For others: readers of fstab; what is so anyway, under the names that FUSE file systems have for
 * it; and what mountinfo shows of ours, which comes back with a remount.
 */
static const char *const ignored[] = {
	"",	    "_netdev", "allow_other", "async",	    "auto",	"default_permissions",
	"defaults", "group",   "idmapped",    "iversion",   "lazytime", "loud",
	"noauto",   "nogroup", "noiversion",  "nolazytime", "nonempty", "noowner",
	"nouser",   "nousers", "owner",	      "seclabel",   "silent",	"user",
	"users",
};

/* The same with a value. */
static const char *const ignored_keys[] = {
	"blksize",  "comment", "fsname",  "group_id", "helper",
	"max_read", "subtype", "uhelper", "user_id",
};

/* They change who a file belongs to without a way back, or whom the server asks. */
static const struct {
	const char *name, *instead;
} impossible[] = {
	{ "allow_root", "the mount is for everybody, and permissions decide" },
	{ "force-user", "uid=UID,gid=GID with as=USER" },
	{ "force-group", "uid=UID,gid=GID with as=USER" },
	{ "mirror", "uid=UID,gid=GID with as=USER" },
	{ "squash_to_root", "uid=0 with as=USER" },
	{ "squash_to_uid", "uid=UID,gid=GID with as=USER" },
	{ "squash_to_gid", "uid=UID,gid=GID with as=USER" },
	{ "bind", "mount --bind" },
	{ "rbind", "mount --rbind" },
};

static bool read_flag(struct mount_options *o, const char *name)
{
	for (size_t i = 0; i < sizeof(flags) / sizeof(*flags); i++) {
		if (strcmp(flags[i].name, name) != 0)
			continue;
		/* the last of two that contradict each other counts */
		o->set = (o->set & ~flags[i].clear) | flags[i].set;
		return true;
	}
	return false;
}

static bool read_switch(struct mount_options *o, const char *name)
{
	const struct {
		const char *name;
		bool *value;
	} switches[] = {
		{ "remount", &o->remount },	    { "nofail", &o->nofail },
		{ "allow_suid", &o->allow_suid },   { "suid", &o->allow_suid },
		{ "allow_dev", &o->allow_dev },	    { "dev", &o->allow_dev },
		{ "no_io_uring", &o->no_io_uring },
	};

	for (size_t i = 0; i < sizeof(switches) / sizeof(*switches); i++)
		if (strcmp(switches[i].name, name) == 0)
			return *switches[i].value = true;
	return false;
}

static bool is_ignored(const char *key, bool has_value)
{
	if (strncmp(key, "x-", 2) == 0 || strncmp(key, "X-", 2) == 0)
		return true;
	for (size_t i = 0; !has_value && i < sizeof(ignored) / sizeof(*ignored); i++)
		if (strcmp(ignored[i], key) == 0)
			return true;
	for (size_t i = 0; has_value && i < sizeof(ignored_keys) / sizeof(*ignored_keys); i++)
		if (strcmp(ignored_keys[i], key) == 0)
			return true;
	return false;
}

static bool read_word(const char *key, const char *value, const char *const *words,
		      struct complaint *why)
{
	for (size_t i = 0; words[i]; i++)
		if (strcmp(words[i], value) == 0)
			return true;
	return complain(why, MOUNT_USAGE, "%s=%s: give %s, %s or %s", key, value, words[0],
			words[1], words[2]);
}

static bool read_fallback(struct mount_options *o, const char *value, struct complaint *why)
{
	static const char *const words[] = { "never", "auto", "always", NULL };

	if (!read_word("fallback", value, words, why))
		return false;
	o->fallback = *value == 'n'	? FALLBACK_NEVER
		      : value[1] == 'u' ? FALLBACK_AUTO
					: FALLBACK_ALWAYS;
	return true;
}

static bool read_cache(struct mount_options *o, const char *value, struct complaint *why)
{
	static const char *const words[] = { "strict", "auto", "always", NULL };

	/* what others call these */
	if (strcmp(value, "none") == 0 || strcmp(value, "never") == 0)
		value = "strict";
	o->cache = value;
	return read_word("cache", value, words, why);
}

static bool read_number(const char *key, const char *value, const char **ret, struct complaint *why)
{
	size_t digits = strspn(value, "0123456789");

	*ret = value;
	if (digits > 0 && digits < 10 && !value[digits])
		return true;
	return complain(why, MOUNT_USAGE, "%s=%s: give a whole number from 0 on", key, value);
}

static bool read_hide(struct mount_options *o, const char *value, struct complaint *why)
{
	if (!value[strspn(value, "/.")])
		return complain(why, MOUNT_USAGE, "hide=%s: give a path below the source", value);
	if (o->n_hide == OPTIONS_HIDE_MAX)
		return complain(why, MOUNT_USAGE, "hide= more than %d times", OPTIONS_HIDE_MAX);
	o->hide[o->n_hide++] = value;
	return true;
}

static bool read_as(struct mount_options *o, const char *value, struct complaint *why)
{
	o->as = value;
	return *value || complain(why, MOUNT_USAGE, "as=: give a user");
}

/* Options with a value. Return: -1 if it is none of them. */
static int read_pair(struct mount_options *o, const char *key, const char *value,
		     struct complaint *why)
{
#define IS(name) (strcmp(key, name) == 0)
	if (IS("idmap") || IS("X-mount.idmap"))
		return options_read_idmap(o, value, why);
	if (IS("uidmapping") || IS("gidmapping"))
		return options_read_triples(o, key, value, why);
	if (IS("map"))
		return options_read_pairs(o, value, why);
	if (IS("uid-offset") || IS("gid-offset"))
		return options_read_offset(o, key, value, why);
	if (IS("translate-uid") || IS("translate-gid"))
		return options_read_translate(o, key, value, why);
	if (IS("shift"))
		return options_read_shift(o, value, why);
	if (IS("userns"))
		return *value == '/' ? options_read_idmap(o, value, why)
				     : complain(why, MOUNT_USAGE, "userns=%s: give a path", value);
	if (IS("uid") || IS("gid"))
		return options_read_shown(o, key, value, why);
	if (IS("owner"))
		return options_read_owner(o, value, why);
	if (IS("as"))
		return read_as(o, value, why);
	if (IS("hide"))
		return read_hide(o, value, why);
	if (IS("fallback"))
		return read_fallback(o, value, why);
	if (IS("cache"))
		return read_cache(o, value, why);
	if (IS("timeout"))
		return read_number(key, value, &o->timeout, why);
	if (IS("threads"))
		return read_number(key, value, &o->threads, why);
	if (IS("inodes"))
		return read_number(key, value, &o->inodes, why);
	if (IS("state-root")) {
		o->state_root = value;
		return true;
	}
#undef IS
	return -1;
}

static bool refuse(const char *key, const char *value, struct complaint *why)
{
	for (size_t i = 0; i < sizeof(impossible) / sizeof(*impossible); i++)
		if (strcmp(impossible[i].name, key) == 0)
			return complain(why, MOUNT_USAGE,
					"option \"%s\" is not supported; instead: %s", key,
					impossible[i].instead);
	return complain(why, MOUNT_USAGE, "unknown option \"%s%s%s\"", key, value ? "=" : "",
			value ?: "");
}

static bool read_option(struct mount_options *o, char *text, bool sloppy, struct complaint *why)
{
	char *value = strchr(text, '=');
	int known;

	if (value)
		*value++ = '\0';
	known = value ? read_pair(o, text, value, why) : -1;
	if (known >= 0)
		return known;
	if (!value && read_switch(o, text))
		return true;
	if (!value && (strcmp(text, "sync") == 0 || strcmp(text, "dirsync") == 0)) {
		o->sync = text;
		return true;
	}
	if ((!value && read_flag(o, text)) || is_ignored(text, value) || sloppy)
		return true;
	return refuse(text, value, why);
}

/* Cut the next option off @rest: quotes, which protect commas, are taken away, as mount(8) does. */
static char *next_option(char **rest)
{
	char *start = *rest, *to = start, *p = start;
	bool quoted = false;

	for (; *p && (quoted || *p != ','); p++) {
		if (*p == '"')
			quoted = !quoted;
		else
			*to++ = *p;
	}
	*rest = *p ? p + 1 : p;
	*to = '\0';
	return start;
}

static int id_sources(const struct mount_options *o)
{
	return o->mapped + !!o->userns + !!o->container + o->owned;
}

/*
 * FUSE is asked for, and ids are not spoken of: it is for something else, like hiding names, and
 * everybody stays who they are. Without, there is a word missing in fstab.
 */
static bool keeps_ids(const struct mount_options *o)
{
	return !id_sources(o) && !o->as && !o->remount &&
	       (o->fallback == FALLBACK_ALWAYS || o->n_hide);
}

static bool check(const struct mount_options *o, struct complaint *why)
{
	int sources = id_sources(o);

	if (sources > 1)
		return complain(why, MOUNT_USAGE,
				"ids are given in more than one way; give ranges, a container, a "
				"user namespace, or uid= and gid=");
	if (o->container && !*o->container)
		return complain(why, MOUNT_USAGE, "idmap=container: give a container's name");
	if (!sources && !o->as && !o->remount)
		return complain(why, MOUNT_USAGE,
				"no ids are mapped; give idmap=SOURCE:SHOWN:COUNT, like "
				"idmap=0:100000:65536, or the type fuse.shiftfs to keep all ids");
	if (o->owned && !o->as)
		return complain(why, MOUNT_USAGE, "uid= and gid= are for what is served as=USER");
	if (o->sync)
		return complain(why, MOUNT_USAGE,
				"option \"%s\": mount the file system of the source with it",
				o->sync);
	if (o->fallback == FALLBACK_NEVER && (o->as || o->n_hide))
		return complain(why, MOUNT_USAGE,
				"%s needs FUSE, which fallback=never (or the type) excludes",
				o->as ? "as=" : "hide=");
	return true;
}

/**
 * mount_options_read() - what stands behind -o
 * @o: cleared with mount_options_clear(), also on failure
 * @text: options, separated by commas
 * @sloppy: mount -s: do not mind unknown ones
 */
bool mount_options_read(struct mount_options *o, const char *text, bool sloppy,
			struct complaint *why)
{
	char *rest;

	*o = (struct mount_options){ .text = strdup(text) };
	if (!o->text)
		return complain(why, MOUNT_SYSTEM, "out of memory");
	for (rest = o->text; *rest;)
		if (!read_option(o, next_option(&rest), sloppy, why))
			return false;
	o->mapped |= keeps_ids(o);
	return options_complete_maps(o, why) && check(o, why);
}

/**
 * mount_options_clear() - free the text that the strings in @o point into
 */
void mount_options_clear(struct mount_options *o)
{
	free(o->text);
	o->text = NULL;
}
