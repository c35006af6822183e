/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which devices a container may open: rules of the OCI specification, cut down to what a container
 * may have, written to v1's devices.allow and devices.deny or made into a program (cgroup-bpf.c).
 *
 * Nothing is allowed but what a rule says. A rule for any device at all (`--privileged`) does not
 * give the host's disks: real root set it, without a disk in mind, and a node of one may come into
 * the container with any volume. Such a rule is read as "every harmless device". Making nodes is
 * left as it is said: in a user namespace a node that was made there cannot be opened.
 *
 * The container cannot change any of this: v1 asks for CAP_SYS_ADMIN of the initial user namespace,
 * and so does attaching a program.
 */
#include "config.h"
#include "lib/cgroup-internal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/fd.h"

#define RW  (CGROUP_DEVICE_READ | CGROUP_DEVICE_WRITE)
#define RWM (RW | CGROUP_DEVICE_MKNOD)

/* Documentation/admin-guide/devices.txt; the first N_ALWAYS are every container's. */
static const struct {
	int major, minor;
} harmless[] = {
	{ 1, 3 },    /* null */
	{ 1, 5 },    /* zero */
	{ 1, 7 },    /* full */
	{ 1, 8 },    /* random */
	{ 1, 9 },    /* urandom */
	{ 5, 0 },    /* tty */
	{ 5, 1 },    /* console */
	{ 5, 2 },    /* ptmx */
	{ 136, -1 }, /* pts */
	{ 10, 229 }, /* fuse */
	{ 10, 200 }, /* net/tun */
};
#define N_HARMLESS (sizeof(harmless) / sizeof(*harmless))
#define N_ALWAYS   9

static int append(struct cgroup_device_list *list, const struct cgroup_device *rule)
{
	if (list->n == list->size) {
		size_t size = list->size * 2 + 32;
		struct cgroup_device *rules = realloc(list->rules, size * sizeof(*rules));

		if (!rules)
			return -ENOMEM;
		list->rules = rules;
		list->size = size;
	}
	list->rules[list->n++] = *rule;
	return 0;
}

static bool same_devices(const struct cgroup_device *a, const struct cgroup_device *b)
{
	return a->type == b->type && a->major == b->major && a->minor == b->minor;
}

/* Is all that @inner means in @outer, and is anything at all in both? */
static bool covers(const struct cgroup_device *outer, const struct cgroup_device *inner)
{
	return outer->type == inner->type && (outer->major < 0 || outer->major == inner->major) &&
	       (outer->minor < 0 || outer->minor == inner->minor);
}

static bool overlaps(const struct cgroup_device *a, const struct cgroup_device *b)
{
	return a->type == b->type && (a->access & b->access) &&
	       (a->major < 0 || b->major < 0 || a->major == b->major) &&
	       (a->minor < 0 || b->minor < 0 || a->minor == b->minor);
}

static int add_allow(struct cgroup_device_list *list, const struct cgroup_device *rule)
{
	/* Behind the last exception order does not matter. */
	for (size_t i = list->n; i-- > 0 && list->rules[i].allow;)
		if (same_devices(&list->rules[i], rule)) {
			list->rules[i].access |= rule->access;
			return 0;
		}
	return append(list, rule);
}

static int allow(struct cgroup_device_list *list, const struct cgroup_device *rule)
{
	struct cgroup_device part = *rule;
	int r = 0;

	if (rule->major >= 0 || !(rule->access & RW))
		return add_allow(list, rule);
	part.access = rule->access & CGROUP_DEVICE_MKNOD;
	if (part.access)
		r = add_allow(list, &part);
	for (size_t i = 0; r == 0 && i < N_HARMLESS; i++) {
		part = (struct cgroup_device){ .allow = true,
					       .type = 'c',
					       .major = harmless[i].major,
					       .minor = harmless[i].minor,
					       .access = rule->access };
		if (covers(rule, &part))
			r = add_allow(list, &part);
	}
	return r;
}

/* Takes from what was allowed; where it would take a part of a range it stays as an exception. */
static int deny(struct cgroup_device_list *list, const struct cgroup_device *rule)
{
	bool exception = false;
	size_t n = 0;

	for (size_t i = 0; i < list->n; i++) {
		struct cgroup_device kept = list->rules[i];

		if (kept.allow && covers(rule, &kept))
			kept.access &= ~rule->access;
		else if (kept.allow && overlaps(rule, &kept))
			exception = true;
		if (kept.access)
			list->rules[n++] = kept;
	}
	list->n = n;
	return exception ? append(list, rule) : 0;
}

static int add_rule(struct cgroup_device_list *list, struct cgroup_device rule)
{
	static const char both[] = "bc";
	int r = 0;

	for (const char *type = both; r == 0 && *type; type++) {
		struct cgroup_device one = rule;

		if (rule.type != 'a' && rule.type != *type)
			continue;
		one.type = *type;
		r = rule.allow ? allow(list, &one) : deny(list, &one);
	}
	return r;
}

/**
 * cgroup_devices_normalise() - what @rules come to for a container: cgroup_set_devices()
 * @ret: rules in the order in which the last that fits decides, beginning with "nothing is
 *	allowed"; types are 'b' and 'c'. A rule with allow == false is left only where it makes a
 *	hole in a range. Free @ret->rules.
 */
int cgroup_devices_normalise(const struct cgroup_device *rules, size_t n,
			     struct cgroup_device_list *ret)
{
	int r = 0;

	*ret = (struct cgroup_device_list){ 0 };
	for (size_t i = 0; r == 0 && i < n; i++)
		r = add_rule(ret, rules[i]);
	for (size_t i = 0; r == 0 && i < N_ALWAYS; i++)
		r = add_rule(ret, (struct cgroup_device){ .allow = true,
							  .type = 'c',
							  .major = harmless[i].major,
							  .minor = harmless[i].minor,
							  .access = RWM });
	if (r < 0)
		free(ret->rules);
	return r;
}

static void print_number(char *text, size_t size, int64_t number)
{
	if (number < 0)
		snprintf(text, size, "*");
	else
		snprintf(text, size, "%" PRId64, number);
}

/* "c 136:* rwm", as the kernel reads it. */
static void print_rule(char *text, size_t size, const struct cgroup_device *rule)
{
	char major[24], minor[24];

	print_number(major, sizeof(major), rule->major);
	print_number(minor, sizeof(minor), rule->minor);
	snprintf(text, size, "%c %s:%s %s%s%s", rule->type, major, minor,
		 rule->access & CGROUP_DEVICE_READ ? "r" : "",
		 rule->access & CGROUP_DEVICE_WRITE ? "w" : "",
		 rule->access & CGROUP_DEVICE_MKNOD ? "m" : "");
}

static bool read_rule(const char *line, struct cgroup_device *rule)
{
	char major[24], minor[24], access[8];

	*rule = (struct cgroup_device){ .allow = true };
	if (sscanf(line, "%c %23[^:]:%23s %7s", &rule->type, major, minor, access) != 4)
		return false;
	rule->major = major[0] == '*' ? -1 : strtoll(major, NULL, 10);
	rule->minor = minor[0] == '*' ? -1 : strtoll(minor, NULL, 10);
	rule->access = (strchr(access, 'r') ? CGROUP_DEVICE_READ : 0) |
		       (strchr(access, 'w') ? CGROUP_DEVICE_WRITE : 0) |
		       (strchr(access, 'm') ? CGROUP_DEVICE_MKNOD : 0);
	return true;
}

/* What of the line @now of devices.list is not in @list any more is denied. @text: receives it */
static int deny_rest(int dir_fd, const struct cgroup_device_list *list, struct cgroup_device now,
		     char *text, size_t size)
{
	for (size_t i = 0; i < list->n; i++)
		if (same_devices(&list->rules[i], &now))
			now.access &= ~list->rules[i].access;
	if (!now.access)
		return 0;
	print_rule(text, size, &now);
	return fd_write_file_at(dir_fd, "devices.deny", text);
}

/* @text: receives the rule at hand, the one that failed */
static int allow_v1(int dir_fd, const struct cgroup_device_list *list, char *text, size_t size)
{
	autofd fd = openat(dir_fd, "devices.allow", O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	for (size_t i = 0; i < list->n; i++) {
		print_rule(text, size, &list->rules[i]);
		if (write(fd, text, strlen(text)) < 0)
			return -errno;
	}
	return 0;
}

/*
 * A cgroup that is in use never passes through a state in which it lacks a device that it has
 * before and after: first what is new is allowed, then what is too much is denied.
 */
static int set_v1(int dir_fd, const struct cgroup_device_list *list, char *what, size_t what_size)
{
	size_t size = 1 << 18;
	char *now = malloc(size), *rest = now, *line;
	char text[80] = "a";
	int r = now ? fd_read_file_at(dir_fd, "devices.list", now, size) : -ENOMEM;

	if (r >= 0 && now[0] == 'a') {
		r = fd_write_file_at(dir_fd, "devices.deny", "a");
		now[0] = '\0';
	}
	if (r >= 0)
		r = allow_v1(dir_fd, list, text, sizeof(text));
	while (r >= 0 && (line = strsep(&rest, "\n"))) {
		struct cgroup_device rule;

		if (read_rule(line, &rule))
			r = deny_rest(dir_fd, list, rule, text, sizeof(text));
	}
	if (r < 0)
		snprintf(what, what_size, "devices: \"%s\": %s", text, strerror(-r));
	free(now);
	return r < 0 ? r : 0;
}

/* v1 knows no exceptions: a rule that it would ignore must not look as if it held. */
static const struct cgroup_device *find_exception(const struct cgroup_device_list *list)
{
	for (size_t i = 0; i < list->n; i++)
		if (!list->rules[i].allow)
			return &list->rules[i];
	return NULL;
}

static int set_devices(const struct cgroups *cg, const struct cgroup_device_list *list, char *what,
		       size_t what_size)
{
	const struct cgroup_hierarchy *h = cgroup_find_v1(cg, "devices");
	char text[80];
	int r;

	if (h && h->dir_fd >= 0) {
		const struct cgroup_device *exception = find_exception(list);

		if (!exception)
			return set_v1(h->dir_fd, list, what, what_size);
		print_rule(text, sizeof(text), exception);
		snprintf(what, what_size,
			 "devices: cgroup v1 cannot deny \"%s\" within a wider rule that allows; "
			 "allow the others one by one",
			 text);
		return -EINVAL;
	}
	h = cgroup_find_v2(cg);
	if (!h || h->dir_fd < 0) {
		snprintf(what, what_size,
			 "devices: no mounted cgroup hierarchy can restrict devices; mount cgroup "
			 "v2, or v1's \"devices\"");
		return -ENODEV;
	}
	r = cgroup_bpf_attach(h->dir_fd, list);
	if (r < 0)
		snprintf(what, what_size, "devices: attach a program to the cgroup: %s",
			 strerror(-r));
	return r;
}

/* In a user namespace nobody may set rules; those of the container around this one hold. */
static bool in_initial_userns(void)
{
	char map[64];
	unsigned int inside, outside, count;

	return fd_read_file_at(AT_FDCWD, "/proc/self/uid_map", map, sizeof(map)) < 0 ||
	       (sscanf(map, "%u %u %u", &inside, &outside, &count) == 3 && count == UINT32_MAX);
}

/**
 * cgroup_set_devices() - which devices the processes of the container may open, and make nodes of
 * @rules: in order, the last that fits decides; what none fits is denied
 * @what: receives a line for people: what failed, and why
 *
 * Always allowed are null, zero, full, random, urandom, tty, console, ptmx and pts. A rule that
 * allows to open devices of any major number is read as those and fuse and net/tun. What was set
 * before is replaced, with no moment in between (v2) or with no device missing in between (v1).
 *
 * Return: 0, also where only the container around us could set rules; -ENODEV without a controller;
 * -EINVAL for what v1 cannot say; -EPERM for what the cgroups above do not have; or another -errno.
 */
int cgroup_set_devices(const struct cgroups *cg, const struct cgroup_device *rules, size_t n,
		       char *what, size_t what_size)
{
	struct cgroup_device_list list;
	int r = cgroup_devices_normalise(rules, n, &list);

	if (r < 0) {
		snprintf(what, what_size, "devices: %s", strerror(-r));
		return r;
	}
	r = set_devices(cg, &list, what, what_size);
	free(list.rules);
	return r == -EPERM && !in_initial_userns() ? 0 : r;
}
