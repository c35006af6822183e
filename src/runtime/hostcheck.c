/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What this kernel and host can do: the list, and its two forms. The checks themselves try the real
 * thing, each in a child of its own where it would change the caller; a version number is only
 * printed, never asked.
 */
#include "config.h"
#include "runtime/hostcheck-internal.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/fd.h"
#include "lib/sys.h"

static void free_item(void *p)
{
	struct hostcheck_item *item = p;

	g_free(item->name);
	g_free(item->detail);
	g_free(item->consequence);
	g_free(item);
}

/**
 * hostcheck_add() - one line of the report
 * @consequence: what does not work without it; NULL: nothing
 * @format: the detail: what was found
 */
void hostcheck_add(struct hostcheck *hc, const char *name, enum hostcheck_status status,
		   const char *consequence, const char *format, ...)
{
	struct hostcheck_item *item = g_new0(struct hostcheck_item, 1);
	va_list ap;

	va_start(ap, format);
	item->detail = g_strdup_vprintf(format, ap);
	va_end(ap);
	item->name = g_strdup(name);
	item->status = status;
	item->consequence = g_strdup(consequence ? consequence : "");
	g_ptr_array_add(hc->items, item);
}

/* Marks the item added last: without it no container can run. */
void hostcheck_require(struct hostcheck *hc)
{
	struct hostcheck_item *item = g_ptr_array_index(hc->items, hc->items->len - 1);

	item->required = true;
}

/* Of a check that either works (@r >= 0) or fails with -errno. */
void hostcheck_add_result(struct hostcheck *hc, const char *name, int r, const char *ok_detail,
			  const char *consequence)
{
	if (r >= 0)
		hostcheck_add(hc, name, HOSTCHECK_OK, NULL, "%s", ok_detail);
	else
		hostcheck_add(hc, name, HOSTCHECK_MISSING, consequence, "%s", g_strerror(-r));
}

/*
 * Runs @fn in a child with @clone_flags and returns what it returned, or -errno if there was no
 * child or it died.
 */
int hostcheck_in_child(guint64 clone_flags, hostcheck_fn fn, void *arg)
{
	int fds[2], result, status, r;
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	pid = sys_clone3(clone_flags, SIGCHLD, NULL, -1);
	if (pid == 0) {
		result = fn(arg);
		_exit(fd_write_all(fds[1], &result, sizeof(result)) < 0);
	}
	close(fds[1]);
	r = pid < 0 ? pid : fd_read_all(fds[0], &result, sizeof(result));
	close(fds[0]);
	if (pid > 0)
		while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
			;
	return r < 0 ? r : result;
}

/* Waits to be killed, so that its namespaces can be opened; with the parent it goes too. */
static G_GNUC_NORETURN void linger(int ready)
{
	char c;

	while (read(ready, &c, 1) < 0 && errno == EINTR)
		;
	_exit(0);
}

static int write_maps(pid_t pid)
{
	char map[64], path[64];
	int r;

	g_snprintf(map, sizeof(map), "0 %u %u", HOSTCHECK_BASE, HOSTCHECK_COUNT);
	g_snprintf(path, sizeof(path), "/proc/%d/uid_map", (int)pid);
	r = fd_write_file_at(AT_FDCWD, path, map);
	if (r < 0)
		return r;
	g_snprintf(path, sizeof(path), "/proc/%d/gid_map", (int)pid);
	return fd_write_file_at(AT_FDCWD, path, map);
}

/**
 * hostcheck_userns() - a user namespace with the mapping of a container and nobody in it
 *
 * Return: its descriptor or -errno.
 */
int hostcheck_userns(void)
{
	char path[64];
	int fds[2], r;
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	pid = sys_clone3(CLONE_NEWUSER, SIGCHLD, NULL, -1);
	if (pid == 0) {
		close(fds[1]);
		linger(fds[0]);
	}
	r = pid < 0 ? pid : write_maps(pid);
	if (r == 0) {
		g_snprintf(path, sizeof(path), "/proc/%d/ns/user", (int)pid);
		r = open(path, O_RDONLY | O_CLOEXEC);
		if (r < 0)
			r = -errno;
	}
	close(fds[0]);
	close(fds[1]);
	if (pid > 0)
		while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
			;
	return r;
}

static void check_kernel(struct hostcheck *hc)
{
	unsigned int major = 0, minor = 0;

	sscanf(hc->kernel, "%u.%u", &major, &minor);
	if (major > 5 || (major == 5 && minor >= 10))
		hostcheck_add(hc, "kernel", HOSTCHECK_OK, NULL, "%s", hc->kernel);
	else
		hostcheck_add(hc, "kernel", HOSTCHECK_LIMITED,
			      "never tried below 5.10; the checks below decide", "%s", hc->kernel);
	if (geteuid() == 0)
		hostcheck_add(hc, "privileges", HOSTCHECK_OK, NULL, "root");
	else
		hostcheck_add(hc, "privileges", HOSTCHECK_MISSING,
			      "run it as root: most checks try what only root may do", "user %d",
			      (int)geteuid());
	hostcheck_require(hc);
}

/**
 * hostcheck_run() - try everything that Cloister uses
 *
 * Forks; to be called while the program has one thread. Takes some 20 ms.
 *
 * Return: the list, for hostcheck_free().
 */
struct hostcheck *hostcheck_run(void)
{
	struct hostcheck *hc = g_new0(struct hostcheck, 1);
	struct utsname uts;

	uname(&uts);
	hc->kernel = g_strdup(uts.release);
	hc->items = g_ptr_array_new_with_free_func(free_item);
	check_kernel(hc);
	/* "Permission denied" for each and all would say nothing about this kernel. */
	if (geteuid() != 0)
		return hc;
	hostcheck_namespaces(hc);
	hostcheck_mounts(hc);
	hostcheck_seccomp(hc);
	hostcheck_fuse(hc);
	hostcheck_cgroups(hc);
	hostcheck_syscalls(hc);
	return hc;
}

/**
 * hostcheck_can_run() - whether nothing is missing without which no container starts
 */
bool hostcheck_can_run(const struct hostcheck *hc)
{
	for (guint i = 0; i < hc->items->len; i++) {
		const struct hostcheck_item *item = g_ptr_array_index(hc->items, i);

		if (item->required && item->status == HOSTCHECK_MISSING)
			return false;
	}
	return true;
}

static const char *status_name(enum hostcheck_status status)
{
	static const char *const names[] = { "ok", "limited", "missing" };

	return names[status];
}

/**
 * hostcheck_to_text() - a table for people; what is done instead stands below its line
 */
char *hostcheck_to_text(const struct hostcheck *hc)
{
	GString *out = g_string_new(NULL);
	size_t width = 0;

	for (guint i = 0; i < hc->items->len; i++) {
		const struct hostcheck_item *item = g_ptr_array_index(hc->items, i);

		width = MAX(width, strlen(item->name));
	}
	for (guint i = 0; i < hc->items->len; i++) {
		const struct hostcheck_item *item = g_ptr_array_index(hc->items, i);

		g_string_append_printf(out, "%-*s  %-7s  %s\n", (int)width, item->name,
				       status_name(item->status), item->detail);
		if (*item->consequence)
			g_string_append_printf(out, "%*s  %-7s  -> %s\n", (int)width, "", "",
					       item->consequence);
	}
	g_string_append_printf(out, "\ncontainers %s run on this host\n",
			       hostcheck_can_run(hc) ? "can" : "cannot");
	return g_string_free(out, FALSE);
}

/**
 * hostcheck_to_json() - the same for programs
 */
char *hostcheck_to_json(const struct hostcheck *hc)
{
	json_t *checks = json_array();
	json_t *root = json_pack("{s:s, s:b, s:o}", "kernel", hc->kernel, "can_run",
				 hostcheck_can_run(hc), "checks", checks);
	g_autofree char *text = NULL;
	char *dump;

	for (guint i = 0; i < hc->items->len; i++) {
		const struct hostcheck_item *item = g_ptr_array_index(hc->items, i);

		json_array_append_new(checks,
				      json_pack("{s:s, s:s, s:b, s:s, s:s}", "name", item->name,
						"status", status_name(item->status), "required",
						item->required, "detail", item->detail,
						"consequence", item->consequence));
	}
	dump = json_dumps(root, JSON_INDENT(2));
	json_decref(root);
	text = g_strdup_printf("%s\n", dump);
	free(dump);
	return g_steal_pointer(&text);
}

/**
 * hostcheck_free() - free what hostcheck_run() gave
 */
void hostcheck_free(struct hostcheck *hc)
{
	g_ptr_array_unref(hc->items);
	g_free(hc->kernel);
	g_free(hc);
}
