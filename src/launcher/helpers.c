/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The helper processes of a container, for `cloister status`: those that its warden has written
 * down, and the servers of its mounts and sockets, which only their cgroup knows.
 */
#include "config.h"
#include "launcher/launcher.h"

#include "lib/fd.h"
#include "lib/reap.h"

#include <stdlib.h>
#include <string.h>

/* A program that was replaced on the disk since is another than the one that is installed. */
static json_t *helper_json(const char *name, const char *program, const struct proc_id *id)
{
	uint64_t pss = 0, dirty = 0;
	bool alive = proc_alive(id);
	bool installed = alive && reload_is_installed(program, id->pid);

	if (alive)
		proc_memory(id->pid, &pss, &dirty);
	return json_pack("{s:s, s:i, s:b, s:b, s:s, s:I, s:I}", "name", name, "pid", (int)id->pid,
			 "alive", alive, "installed", installed, "version",
			 installed ? PACKAGE_VERSION : "", "pss_kib", (json_int_t)pss,
			 "pss_dirty_kib", (json_int_t)dirty);
}

static void add(json_t *helpers, const char *name, const char *program, const struct proc_id *id)
{
	json_array_append_new(helpers, helper_json(name, program, id));
}

/* Of a cmdline the first word, as it ends in NUL; @len, if not NULL, receives that of all. */
static char *read_proc(pid_t pid, const char *file, gsize *len)
{
	g_autofree char *path = g_strdup_printf("/proc/%d/%s", (int)pid, file);
	char *text = NULL;

	return g_file_get_contents(path, &text, len, NULL) ? g_strchomp(text) : NULL;
}

static bool takes_value(const char *option)
{
	static const char *const alone[] = { "--survive", "--next", "--coherent" };

	for (size_t i = 0; i < G_N_ELEMENTS(alone); i++)
		if (strcmp(option, alone[i]) == 0)
			return false;
	return true;
}

/* Which mounts a shiftfs serves, as its options say (runtime/serve.c). */
static json_t *mounts_json(const char *cmdline, gsize len)
{
	json_t *mounts = json_array();
	const char *end = cmdline + len, *option = NULL;

	for (const char *w = cmdline + strlen(cmdline) + 1; w < end; w += strlen(w) + 1) {
		if (option && strcmp(option, "--target") == 0)
			json_array_append_new(mounts, json_string(w));
		option = !option && takes_value(w) ? w : NULL;
	}
	return mounts;
}

/* What is being started has no name of its own yet, and the warden's children are soon gone. */
static void add_server(json_t *helpers, pid_t pid)
{
	static const char *const programs[] = { "shiftfs", "cloister-sockproxy" };
	gsize len = 0;
	g_autofree char *program = read_proc(pid, "cmdline", &len);
	g_autofree char *name = read_proc(pid, "comm", NULL);
	struct proc_id id;

	if (!program || !name || proc_identify(pid, &id) < 0)
		return;
	for (size_t i = 0; i < G_N_ELEMENTS(programs); i++) {
		if (strcmp(program, programs[i]) != 0)
			continue;
		/* the kernel keeps 15 bytes of a name */
		add(helpers, g_str_has_prefix(program, name) ? program : name, program, &id);
		if (i == 0)
			json_object_set_new(json_array_get(helpers, json_array_size(helpers) - 1),
					    "mounts", mounts_json(program, len));
	}
}

static void add_servers(json_t *helpers, const char *cgroup)
{
	struct cgroups all = { 0 }, of_helpers = { 0 };
	pid_t *pids = NULL;
	size_t n = 0;

	if (!cgroup[0] || cgroup_detect(&all) < 0)
		return;
	reap_helper_hierarchies(&all, &of_helpers);
	if (cgroup_open(&of_helpers, cgroup) >= 0 && cgroup_pids(&of_helpers, &pids, &n) >= 0)
		for (size_t i = 0; i < n; i++)
			add_server(helpers, pids[i]);
	free(pids);
	reap_close_helpers(&of_helpers);
	cgroup_free(&all);
}

/**
 * helpers_json() - an array of objects: name, pid, alive, installed, version, pss_kib,
 * pss_dirty_kib; of a shiftfs also mounts, the paths inside that it serves
 * @known: those that are written down; pid 0: there is none
 * @cgroup: path of the helpers' cgroup
 */
json_t *helpers_json(const struct rundir_helpers *known, const char *cgroup)
{
	json_t *helpers = json_array();

	add(helpers, "cloister-warden", "cloister-warden", &known->warden);
	add(helpers, "its twin", "cloister-warden", &known->twin);
	add(helpers, "cloister-fs", "cloister-fs", &known->server);
	if (known->notifier.pid)
		add(helpers, "its notifier", "cloister-warden", &known->notifier);
	add_servers(helpers, cgroup);
	return helpers;
}
