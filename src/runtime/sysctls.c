/* SPDX-License-Identifier: Apache-2.0 */
/*
 * linux.sysctl of the specification, and `launch --sysctl`.
 *
 * What the table of sysctls has (lib/sysctl-table.c) is set in the container's store, as if it had
 * written it itself. Of the rest only what the kernel has per namespace can be set: anything else
 * would be set for the host. These values are written from outside, by a child that joins the
 * container's network, ipc and uts namespaces and keeps our credentials and our /proc: before
 * Linux 6.0 a container's root may not write those of ipc itself, and the container's own /proc is
 * nothing to write to by name.
 */
#include "config.h"
#include "runtime/sysctls.h"

#include "lib/fd.h"
#include "lib/sys.h"
#include "lib/sysctl-host.h"
#include "runtime/container.h"
#include "runtime/error.h"
#include "runtime/wardenlink.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static bool is_namespaced(const char *name)
{
	static const char *const ipc[] = { "kernel.msgmax",	 "kernel.msgmnb",
					   "kernel.msgmni",	 "kernel.sem",
					   "kernel.shmall",	 "kernel.shmmax",
					   "kernel.shmmni",	 "kernel.shm_rmid_forced",
					   "kernel.msg_next_id", "kernel.sem_next_id",
					   "kernel.shm_next_id", "kernel.auto_msgmni",
					   "kernel.domainname" };

#ifdef MUTANT_SYSCTL_OF_HOST
	return true;
#endif
	if (g_str_has_prefix(name, "net.") || g_str_has_prefix(name, "fs.mqueue."))
		return true;
	for (size_t i = 0; i < G_N_ELEMENTS(ipc); i++)
		if (strcmp(name, ipc[i]) == 0)
			return true;
	return false;
}

/* "net.ipv4.conf.eth0/1.forwarding": dots separate, but for names that hold one ("/" stands for
 * it). */
static bool to_path(const char *name, char *path, size_t size)
{
	if (g_snprintf(path, size, "sys/%s", name) >= (int)size)
		return false;
	for (char *p = path + 4; *p; p++)
		*p = *p == '.' ? '/' : *p == '/' ? '.' : *p;
	return !strstr(path, "..") && !strstr(path, "//");
}

/* The row of the table that @name, with dots or slashes, means and that a container may set. */
static const struct sysctl *own_row(const char *name)
{
	char path[512] = "proc/";
	const struct sysctl *s;

#ifdef MUTANT_SYSCTL_OF_HOST
	return NULL;
#endif
	if (strchr(name, '.')
		    ? !to_path(name, path + 5, sizeof(path) - 5)
		    : g_snprintf(path, sizeof(path), "proc/sys/%s", name) >= (int)sizeof(path))
		return NULL;
	s = sysctl_find(path);
	if (s && s->quirk == SYSCTL_PER_PID) /* where it is, only a process inside could */
		return NULL;
	return s && (s->policy == SYSCTL_PRIVATE || sysctl_is_shared(s)) ? s : NULL;
}

static bool check_own(const struct sysctl *s, const char *name, const char *text, GError **error)
{
	struct sysctl_value value;
	size_t consumed;
	int r;

	sysctl_initial(s, &value);
	r = *text ? sysctl_write(s, &value, text, strlen(text), 0, &consumed) : -EINVAL;
	return r == 0 || error_set(error, "linux.sysctl: \"%s\" cannot be \"%s\": %s", name, text,
				   g_strerror(-r));
}

static bool check_one(const char *name, json_t *value, GError **error)
{
	g_autofree char *dotted = g_strdup(name);
	const struct sysctl *s = own_row(name);
	char path[512];

	if (!strchr(name, '.')) /* sysctl(8) takes slashes too */
		g_strdelimit(dotted, "/", '.');
	if (!json_is_string(value) || json_string_length(value) >= 4096)
		return error_set(error, "linux.sysctl: \"%s\": the value must be a (short) string",
				 name);
	if (s)
		return check_own(s, name, json_string_value(value), error);
	return (is_namespaced(dotted) && to_path(dotted, path, sizeof(path))) ||
	       error_set(error,
			 "linux.sysctl: \"%s\" is not in a namespace of the "
			 "container: it would be set for the host",
			 name);
}

/**
 * sysctls_check() - are all of them the container's own?
 */
bool sysctls_check(const struct spec *spec, GError **error)
{
	const char *name;
	json_t *value;

	json_object_foreach(spec->sysctl, name, value)
	{
		if (!check_one(name, value, error))
			return false;
	}
	return true;
}

/* Since Linux 6.0 those of ipc belong to the root of the namespace's owner, and to nobody else. */
static int set_one(int proc, const char *path, const char *value, uid_t root)
{
	int r = fd_write_file_at(proc, path, value);

	if (r != -EACCES || seteuid(root) < 0)
		return r;
	r = fd_write_file_at(proc, path, value);
	return seteuid(0) < 0 ? -errno : r;
}

/* Its groups are the container's; we write it as the host's root, for whom they are others. */
static void shift_groups(char *value, size_t size, uid_t root)
{
	unsigned int first, last;

	if (sscanf(value, "%u %u", &first, &last) == 2 && first <= last)
		g_snprintf(value, size, "%u %u", root + MIN(first, 65535), root + MIN(last, 65535));
}

static const char *set_all(const struct spec *spec, int proc, int pidfd, uid_t root, int *r)
{
	const char *name;
	json_t *value;
	char path[512], text[4096];

	*r = setns(pidfd, CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS) < 0 ? -errno : 0;
	if (*r < 0)
		return "enter the namespaces";
	json_object_foreach(spec->sysctl, name, value)
	{
		if (own_row(name))
			continue;
		if (strchr(name, '.'))
			to_path(name, path, sizeof(path));
		else
			g_snprintf(path, sizeof(path), "sys/%s", name);
		g_strlcpy(text, json_string_value(value), sizeof(text));
		if (strcmp(path, "sys/net/ipv4/ping_group_range") == 0)
			shift_groups(text, sizeof(text), root);
		*r = set_one(proc, path, text, root);
		if (*r < 0)
			return name;
	}
	return NULL;
}

static bool is_on_host(const char *name)
{
	g_autofree char *dotted = g_strdup(name);
	char path[512] = "/proc/";

	if (!strchr(name, '.'))
		g_strdelimit(dotted, "/", '.');
	return to_path(dotted, path + 6, sizeof(path) - 6) && access(path, F_OK) == 0;
}

struct report {
	int r;
	char name[256];
};

/* From outside, in a child that joins the namespaces. */
static bool set_in_namespaces(const struct spec *spec, int init_pidfd, uid_t root, GError **error)
{
	struct report report = { 0 };
	int pair[2];
	pid_t pid;
	bool told;

	if (pipe2(pair, O_CLOEXEC) < 0)
		return error_set_errno(error, -errno, "make a pipe");
	autofd in = pair[0], out = pair[1];
	pid = sys_clone3(0, SIGCHLD, NULL, -1);
	if (pid == 0) {
		int proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		const char *failed = set_all(spec, proc, init_pidfd, root, &report.r);

		g_strlcpy(report.name, failed ?: "", sizeof(report.name));
		_exit(write(out, &report, sizeof(report)) != sizeof(report));
	}
	if (pid < 0)
		return error_set_errno(error, pid, "clone");
	fd_close(fd_steal(&out));
	told = read(in, &report, sizeof(report)) == sizeof(report);
	waitpid(pid, NULL, __WALL);
	if (!told)
		return error_set(error, "linux.sysctl: the process that sets them died");
	if (report.r == -ENOENT && is_on_host(report.name))
		return error_set(error,
				 "linux.sysctl: \"%s\" is in the host's network namespace only: "
				 "this kernel has none for a container",
				 report.name);
	return report.r == 0 ||
	       error_set_errno(error, report.r, "linux.sysctl: \"%s\"", report.name);
}

static int set_own(struct sysctl_store *store, const struct sysctl *s, const char *text)
{
	unsigned int marks = sysctl_store_marks(store, s);
	size_t consumed;

	if (marks & SYSCTL_NATIVE)
		return -EOPNOTSUPP;
	if ((!sysctl_namespaced(s->path) || sysctl_net_dir(s->path)) && !(marks & SYSCTL_IS_THERE))
		return -ENOENT;
	return sysctl_store_write(store, s, text, strlen(text), 0, &consumed);
}

/* @n, @shared: how many there were, and whether one of them is the host's business too */
static bool set_all_own(struct container *c, struct sysctl_store *store, size_t *n, bool *shared,
			GError **error)
{
	const char *name;
	json_t *value;

	json_object_foreach(c->spec->sysctl, name, value)
	{
		const struct sysctl *s = own_row(name);
		int r = s ? set_own(store, s, json_string_value(value)) : 0;

		*n += s != NULL;
		*shared |= s && sysctl_is_shared(s);
		if (r == -EOPNOTSUPP)
			return error_set(error,
					 "linux.sysctl: \"%s\" is the kernel's own in each "
					 "namespace here; set it from inside",
					 name);
		if (r < 0)
			return error_set_errno(error, r, "linux.sysctl: \"%s\"", name);
	}
	return true;
}

/* What the host shares has to stand before the container begins to run. */
static bool ask_host(struct container *c, const struct sysctl_store *store, GError **error)
{
	int r = sysctl_host_ask(c->root_fd, &c->record.init, store);

	wardenlink_tell_sysctls(c);
	return r == 0 || error_set_errno(error, r, "linux.sysctl: raise the host's value");
}

/**
 * sysctls_set() - set them for the container, whose PID 1 waits
 */
bool sysctls_set(struct container *c, GError **error)
{
	autofd fd = -1;
	struct sysctl_store store;
	bool shared = false, ok;
	size_t n = 0;
	int r;

	if (!c->spec->sysctl || json_object_size(c->spec->sysctl) == 0)
		return true;
	fd = openat(c->dir_fd, SYSCTL_STORE_FILE, O_RDWR | O_CLOEXEC);
	r = fd < 0 ? -errno : sysctl_store_map(&store, fd);
	if (r < 0)
		return error_set_errno(error, r, "linux.sysctl: open the container's values");
	ok = set_all_own(c, &store, &n, &shared, error) && (!shared || ask_host(c, &store, error));
	sysctl_store_close(&store);
	return ok && (n == json_object_size(c->spec->sysctl) ||
		      set_in_namespaces(c->spec, c->pidfd, c->claim.base, error));
}
