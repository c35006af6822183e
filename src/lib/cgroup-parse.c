/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which cgroup hierarchies there are: from the text of /proc/self/mountinfo and /proc/self/cgroup.
 * Text in, structure out, so that hosts of every kind can be tried on any other.
 */
#include "config.h"
#include "lib/cgroup.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/**
 * cgroup_list_has() - whether @word is an item of @list, whose items stand between , or blanks
 */
bool cgroup_list_has(const char *list, const char *word)
{
	size_t len = strlen(word);

	while (*list) {
		size_t item = strcspn(list, ", \n");

		if (item == len && strncmp(list, word, len) == 0)
			return true;
		list += item;
		list += strspn(list, ", \n");
	}
	return false;
}

/* What stands among the options of a v1 hierarchy and names no controller (cgroup1_show_options).
 */
static bool is_mount_option(const char *word, size_t len)
{
	static const char *const options[] = { "rw",
					       "ro",
					       "xattr",
					       "noprefix",
					       "clone_children",
					       "cpuset_v2_mode",
					       "favordynmods",
					       "nofavordynmods",
					       "seclabel" };

	for (size_t i = 0; i < sizeof(options) / sizeof(*options); i++)
		if (strlen(options[i]) == len && strncmp(word, options[i], len) == 0)
			return true;
	return len == 0 || (memchr(word, '=', len) && strncmp(word, "name=", 5) != 0);
}

static void controllers_from_options(const char *options, char *ret, size_t size)
{
	size_t used = 0;

	ret[0] = '\0';
	while (*options) {
		size_t len = strcspn(options, ",");

		if (!is_mount_option(options, len) && used + len + 2 <= size)
			used += snprintf(ret + used, size - used, "%s%.*s", used ? "," : "",
					 (int)len, options);
		options += len;
		options += *options == ',';
	}
}

/* mountinfo writes blank, tab, newline and backslash as \ and three octal digits. */
static void unescape(char *s)
{
	char *out = s;

	for (; *s; s++) {
		if (s[0] == '\\' && s[1] >= '0' && s[1] <= '3' && s[2] >= '0' && s[2] <= '7' &&
		    s[3] >= '0' && s[3] <= '7') {
			*out++ = (s[1] - '0') << 6 | (s[2] - '0') << 3 | (s[3] - '0');
			s += 3;
		} else {
			*out++ = *s;
		}
	}
	*out = '\0';
}

struct mount_line {
	char *root;
	char *mount_point;
	char *options;
	char *fstype;
	const char *super_options;
};

/* Cuts @line (changed) into fields; false if it is not a line of mountinfo. */
static bool split_line(char *line, struct mount_line *m)
{
	char *field[6], *tail, *save = NULL;
	char *dash = strstr(line, " - ");

	if (!dash)
		return false;
	*dash = '\0';
	for (int i = 0; i < 6; i++)
		if (!(field[i] = strtok_r(i ? NULL : line, " ", &save)))
			return false;
	*m = (struct mount_line){ .root = field[3], .mount_point = field[4], .options = field[5] };
	tail = dash + 3;
	m->fstype = strsep(&tail, " ");
	strsep(&tail, " ");
	m->super_options = tail ? tail : "";
	return true;
}

/*
 * Of several mounts of one hierarchy a writable one is better, then one of the whole hierarchy,
 * then the first.
 */
static int mount_score(const struct mount_line *m)
{
	bool ro = cgroup_list_has(m->options, "ro") || cgroup_list_has(m->super_options, "ro");

	return (ro ? 0 : 2) + (strcmp(m->root, "/") == 0);
}

static struct cgroup_hierarchy *find_same(struct cgroups *cg, bool v2, const char *controllers)
{
	for (int i = 0; i < cg->n; i++)
		if (cg->h[i].v2 == v2 && strcmp(cg->h[i].controllers, controllers) == 0)
			return &cg->h[i];
	return NULL;
}

static int add_mount(struct cgroups *cg, int scores[CGROUP_MAX_HIERARCHIES], struct mount_line *m)
{
	bool v2 = strcmp(m->fstype, "cgroup2") == 0;
	char controllers[sizeof(cg->h[0].controllers)] = "";
	struct cgroup_hierarchy *h;
	int score = mount_score(m);
	char *mount_point;

	if (!v2)
		controllers_from_options(m->super_options, controllers, sizeof(controllers));
	if (!v2 && !controllers[0])
		return 0;
	h = find_same(cg, v2, controllers);
	if (h && score <= scores[h - cg->h])
		return 0;
	if (!h && cg->n == CGROUP_MAX_HIERARCHIES)
		return -E2BIG;
	mount_point = strdup(m->mount_point);
	if (!mount_point)
		return -ENOMEM;
	unescape(mount_point);
	if (h) {
		free(h->mount_point);
	} else {
		h = &cg->h[cg->n++];
		*h = (struct cgroup_hierarchy){ .v2 = v2, .mount_fd = -1, .dir_fd = -1 };
		strcpy(h->controllers, controllers);
	}
	h->mount_point = mount_point;
	scores[h - cg->h] = score;
	return 0;
}

/* Whether all items of @a are in @b, and as many. */
static bool same_controllers(const char *a, const char *b)
{
	char word[64];

	if (strlen(a) != strlen(b))
		return false;
	while (*a) {
		size_t len = strcspn(a, ",");

		if (len >= sizeof(word))
			return false;
		memcpy(word, a, len);
		word[len] = '\0';
		if (!cgroup_list_has(b, word))
			return false;
		a += len;
		a += *a == ',';
	}
	return true;
}

/* "4:memory:/path", "0::/path": the path may hold colons. */
static int add_own(struct cgroups *cg, char *line)
{
	char *rest = line;
	const char *number = strsep(&rest, ":");
	const char *controllers = strsep(&rest, ":");
	bool v2;

	if (!rest)
		return 0;
	v2 = strcmp(number, "0") == 0 && !controllers[0];
	for (int i = 0; i < cg->n; i++) {
		struct cgroup_hierarchy *h = &cg->h[i];

		if (h->own || h->v2 != v2 || !same_controllers(h->controllers, controllers))
			continue;
		h->own = strdup(rest);
		return h->own ? 0 : -ENOMEM;
	}
	return 0;
}

/**
 * cgroup_parse() - find the mounted hierarchies in captured text
 * @cg: overwritten; give back with cgroup_free()
 * @mountinfo: text of /proc/PID/mountinfo
 * @self_cgroup: text of /proc/PID/cgroup
 *
 * Only text is looked at; all descriptors are -1. A hierarchy that is mounted several times is one.
 *
 * Return: 0, -ENOMEM, or -E2BIG for more than CGROUP_MAX_HIERARCHIES.
 */
int cgroup_parse(struct cgroups *cg, const char *mountinfo, const char *self_cgroup)
{
	int scores[CGROUP_MAX_HIERARCHIES] = { 0 };
	char line[8192];
	int r = 0;

	*cg = (struct cgroups){ 0 };
	for (const char *p = mountinfo; r == 0 && *p;) {
		size_t len = strcspn(p, "\n");
		struct mount_line m;

		/* Few lines of a long table are ours: look before copying. */
		if (len < sizeof(line) && memmem(p, len, " - cgroup", 9)) {
			memcpy(line, p, len);
			line[len] = '\0';
			if (split_line(line, &m) &&
			    (!strcmp(m.fstype, "cgroup") || !strcmp(m.fstype, "cgroup2")))
				r = add_mount(cg, scores, &m);
		}
		p += len;
		p += *p == '\n';
	}
	for (const char *p = self_cgroup; r == 0 && *p;) {
		size_t len = strcspn(p, "\n");

		if (len < sizeof(line)) {
			memcpy(line, p, len);
			line[len] = '\0';
			r = add_own(cg, line);
		}
		p += len;
		p += *p == '\n';
	}
	if (r < 0)
		cgroup_free(cg);
	return r;
}
