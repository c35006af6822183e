/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writing limits so that they hold all or not at all: everything is worked out first, then looked
 * at (is every file there?), then written, and put back if the kernel refuses one of them.
 */
#include "config.h"
#include "lib/cgroup-internal.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/fd.h"

/* Sets what went wrong, for people; Return: @error. */
int cgroup_plan_refuse(struct cgroup_plan *plan, int error, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(plan->what, plan->what_size, format, args);
	va_end(args);
	return error;
}

/**
 * cgroup_plan_target() - where the files of @controller are; the name is that of v1
 * @property: of the specification, for the message
 *
 * In v2 the file itself shows later whether the controller is enabled.
 * Return: 0 or -ENODEV.
 */
int cgroup_plan_target(struct cgroup_plan *plan, const char *controller, const char *property,
		       const struct cgroup_hierarchy **ret)
{
	*ret = cgroup_find_v1(plan->cg, controller);
	if (!*ret)
		*ret = cgroup_find_v2(plan->cg);
	if (*ret && (*ret)->dir_fd >= 0)
		return 0;
	return cgroup_plan_refuse(plan, -ENODEV,
				  "%s: no mounted cgroup hierarchy has the controller \"%s\"; "
				  "mount it or leave the limit out",
				  property, controller);
}

/**
 * cgroup_plan_put() - add a file to be written
 *
 * Return: the entry, valid until the next one is added, to set its flags; never NULL: without
 * memory it is a scratch one, and cgroup_plan_apply() fails.
 */
struct cgroup_write *cgroup_plan_put(struct cgroup_plan *plan, const struct cgroup_hierarchy *h,
				     const char *property, const char *file, const char *format,
				     ...)
{
	static struct cgroup_write scratch;
	struct cgroup_write *w = plan->writes;
	va_list args;

	if (plan->n == plan->size) {
		w = realloc(w, (plan->size * 2 + 16) * sizeof(*w));
		if (!w) {
			plan->error = -ENOMEM;
			return &scratch;
		}
		plan->writes = w;
		plan->size = plan->size * 2 + 16;
	}
	w += plan->n;
	*w = (struct cgroup_write){ .h = h, .property = property, .file = strdup(file) };
	va_start(args, format);
	if (!w->file || vasprintf(&w->value, format, args) < 0) {
		free(w->file);
		plan->error = -ENOMEM;
		w = &scratch;
	} else {
		plan->n++;
	}
	va_end(args);
	return w;
}

/**
 * cgroup_plan_clear() - free what cgroup_plan_put() added
 */
void cgroup_plan_clear(struct cgroup_plan *plan)
{
	for (size_t i = 0; i < plan->n; i++) {
		free(plan->writes[i].file);
		free(plan->writes[i].value);
		free(plan->writes[i].before);
	}
	free(plan->writes);
	plan->writes = NULL;
	plan->n = plan->size = 0;
}

/* Why @w->file is not there, and what to do. */
static int refuse_missing(struct cgroup_plan *plan, const struct cgroup_write *w)
{
	char name[64], list[256] = "";

	snprintf(name, sizeof(name), "%.*s", (int)strcspn(w->file, "."), w->file);
	if (w->h->v2)
		fd_read_file_at(w->h->dir_fd, "cgroup.controllers", list, sizeof(list));
	if (!w->h->v2 || cgroup_list_has(list, name) || strcmp(name, "cgroup") == 0)
		return cgroup_plan_refuse(plan, -ENODEV,
					  "%s: this kernel has no \"%s\" here; leave it out",
					  w->property, w->file);
	return cgroup_plan_refuse(plan, -ENODEV,
				  "%s: cgroup controller \"%s\" (%s) is not available here; enable "
				  "it in cgroup.subtree_control of the cgroups above, or boot a "
				  "kernel that has it",
				  w->property, name, w->file);
}

/* Looks before anything is changed, and remembers what is there. */
static int check(struct cgroup_plan *plan)
{
	for (size_t i = 0; i < plan->n; i++) {
		struct cgroup_write *w = &plan->writes[i];
		char text[4096];

		if (faccessat(w->h->dir_fd, w->file, W_OK, 0) < 0) {
			if (errno == ENOENT && w->optional) {
				w->done = true;
				continue;
			}
			return errno == ENOENT
				       ? refuse_missing(plan, w)
				       : cgroup_plan_refuse(plan, -errno, "%s: \"%s\": %s",
							    w->property, w->file, strerror(errno));
		}
		if (fd_read_file_at(w->h->dir_fd, w->file, text, sizeof(text)) > 0 &&
		    !strchr(text, '\n'))
			w->before = strdup(text);
	}
	return 0;
}

/* What v2 really uses of a list of CPUs or memory nodes; the caller asked for something else. */
static int check_effective(struct cgroup_plan *plan, const struct cgroup_write *w)
{
	char file[64], effective[4096];
	int r;

	snprintf(file, sizeof(file), "%s.effective", w->file);
	r = fd_read_file_at(w->h->dir_fd, file, effective, sizeof(effective));
	if (r < 0 || cgroup_same_list(w->value, effective))
		return 0;
	return cgroup_plan_refuse(plan, -EINVAL, "%s: %s = \"%s\": available are only \"%s\"",
				  w->property, w->file, w->value, effective);
}

/* A value of several lines is as many settings: the kernel takes one a write. */
static int write_lines(const struct cgroup_write *w)
{
	char line[4096];

	for (const char *p = w->value;;) {
		size_t len = strcspn(p, "\n");
		int r;

		if (len >= sizeof(line))
			return -E2BIG;
		memcpy(line, p, len);
		line[len] = '\0';
		r = fd_write_file_at(w->h->dir_fd, w->file, line);
		if (r < 0)
			return r;
		p += len;
		p += strspn(p, "\n");
		if (!*p)
			return 0;
	}
}

/* What the kernel means by it. */
static const char *meaning(const struct cgroup_write *w, int r)
{
	if (r == -EBUSY && strncmp(w->property, "memory.", strlen("memory.")) == 0)
		return "; more is in use, and cannot be reclaimed";
	return "";
}

/* Of CPUs and nodes that are not the parent's the kernel only says that they are wrong. */
static int refuse_write(struct cgroup_plan *plan, const struct cgroup_write *w, int r)
{
	char file[64], parent[4096];
	bool list;

	snprintf(file, sizeof(file), "../%s%s", w->file, w->h->v2 ? ".effective" : "");
	list = w->list && fd_read_file_at(w->h->dir_fd, file, parent, sizeof(parent)) > 0;
	if (list)
		parent[strcspn(parent, "\n")] = '\0';
	return cgroup_plan_refuse(
		plan, r, "%s: %s = \"%s\": %s%s%s", w->property, w->file, w->value, strerror(-r),
		list ? "; available are only " : meaning(w, r), list ? parent : "");
}

static int write_one(struct cgroup_plan *plan, struct cgroup_write *w)
{
	int r = write_lines(w);

	if (r == -ENOENT && w->optional)
		r = 0;
	if (r < 0)
		return refuse_write(plan, w, r);
	w->done = true;
	return w->list && w->h->v2 ? check_effective(plan, w) : 0;
}

/*
 * Some files limit one another (memory <= memory and swap; burst <= quota): a value that is right
 * in the end may be refused before another has changed. So: whatever the kernel takes, again and
 * again.
 */
static int write_group(struct cgroup_plan *plan, int group)
{
	bool progress;
	int r;

	do {
		progress = false;
		r = 0;
		for (size_t i = 0; i < plan->n; i++) {
			struct cgroup_write *w = &plan->writes[i];
			int one;

			if (w->done || w->group != group)
				continue;
			one = write_one(plan, w);
			if (w->done)
				progress = true;
			if (one < 0 && one != -EINVAL && one != -EBUSY)
				return one;
			r = one < 0 ? one : r;
		}
	} while (r < 0 && progress);
	return r;
}

static void put_back(const struct cgroup_plan *plan)
{
	for (int round = 0; round < 2; round++)
		for (size_t i = plan->n; i-- > 0;) {
			const struct cgroup_write *w = &plan->writes[i];

			if (w->done && w->before)
				fd_write_file_at(w->h->dir_fd, w->file, w->before);
		}
}

/**
 * cgroup_plan_apply() - write it all, or change nothing
 *
 * What was written before the kernel refused something is put back where it was one value (not a
 * table by device).
 */
int cgroup_plan_apply(struct cgroup_plan *plan)
{
	int r = plan->error ?: check(plan);

	if (r < 0)
		return r;
	for (size_t i = 0; r == 0 && i < plan->n; i++) {
		struct cgroup_write *w = &plan->writes[i];

		if (!w->done)
			r = w->group ? write_group(plan, w->group) : write_one(plan, w);
	}
	if (r < 0)
		put_back(plan);
	return r;
}
