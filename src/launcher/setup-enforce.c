/* SPDX-License-Identifier: Apache-2.0 */
/*
 * --enforce: whoever runs `runc` gets Cloister.
 *
 * Docker's stock runtimes "runc" and "io.containerd.runc.v2" cannot be redefined, and BuildKit asks
 * no configuration; but all of them look for a program `runc` in the PATH of dockerd or containerd.
 * So a directory whose `runc` is Cloister comes first in it, by a systemd drop-in. The system's own
 * runc is left alone. This binds those who use the engine, not root.
 */
#include "config.h"
#include "launcher/setup.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/error.h"

#define UNIT_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
#define MARK	  "# Made by `cloister %s-setup --enforce`; `cloister %s-setup --undo` removes it.\n"

/**
 * setup_enforce_check() - each program that engines look for by name has to be @s->program
 *
 * To be asked before anything is written.
 */
bool setup_enforce_check(struct setup *s, GError **error)
{
	static const char *const names[] = { "runc", "crun" };
	struct stat want, have;

	if (s->opt.enforce_dir[0] != '/' || strpbrk(s->opt.enforce_dir, " \t\n\"'%\\:$"))
		return error_set(
			error,
			"--enforce-dir \"%s\": give an absolute path without characters that "
			"PATH or systemd take as their own",
			s->opt.enforce_dir);
	if (stat(s->program, &want) < 0)
		return error_set_errno(error, -errno, "\"%s\"", s->program);
	for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
		g_autofree char *path = g_build_filename(s->opt.enforce_dir, names[i], NULL);

		if (stat(path, &have) < 0 || want.st_ino != have.st_ino ||
		    want.st_dev != have.st_dev)
			return error_set(
				error,
				"\"%s\" is not \"%s\"; `make install` links them, or name such "
				"a directory with --enforce-dir",
				path, s->program);
	}
	return true;
}

/* The PATH that the service has now, without our directory. */
static char *unit_path(struct setup *s, const char *unit)
{
	const char *const argv[] = {
		"systemctl", "show", "-p", "Environment", "--value", unit, NULL
	};
	g_autofree char *out = NULL;
	g_auto(GStrv) words = NULL;
	size_t len = strlen(s->opt.enforce_dir);

	if (access("/run/systemd/system", F_OK) < 0 || !setup_run_tool(argv, &out, NULL))
		return g_strdup(UNIT_PATH);
	words = g_strsplit_set(out, " \n", -1);
	for (char **w = words; *w; w++) {
		const char *path = *w + strlen("PATH=");

		if (!g_str_has_prefix(*w, "PATH="))
			continue;
		if (strncmp(path, s->opt.enforce_dir, len) == 0 && path[len] == ':')
			path += len + 1;
		return g_strdup(path);
	}
	return g_strdup(UNIT_PATH);
}

/* Our drop-ins: docker's setup also needs one in the containerd that dockerd uses. */
static char *drop_in(struct setup *s, const char *unit)
{
	g_autofree char *dir = g_strconcat(unit, ".service.d", NULL);
	g_autofree char *name = g_strdup_printf("90-cloister-%s.conf", s->unit);

	return g_build_filename(s->opt.systemd_dir, dir, name, NULL);
}

static char *drop_in_text(struct setup *s, const char *unit)
{
	g_autofree char *path = unit_path(s, unit);
	GString *text = g_string_new(NULL);

	g_string_append_printf(text, MARK "[Service]\nEnvironment=PATH=%s:%s\n", s->unit, s->unit,
			       s->opt.enforce_dir, path);
	if (strcmp(unit, "docker") == 0)
		g_string_append_printf(text, "Environment=DOCKER_BUILDKIT_RUNC_COMMAND=%s/runc\n",
				       s->opt.enforce_dir);
	return g_string_free(text, FALSE);
}

/* A directory of drop-ins without any is of no use to anybody; one with another's stays. */
static void remove_dir_of(const char *path)
{
	g_autofree char *dir = g_path_get_dirname(path);

	rmdir(dir);
}

static bool each_drop_in(struct setup *s, bool wanted, GError **error)
{
	static const char *const units[] = { "docker", "containerd" };

	for (size_t i = 0; i < G_N_ELEMENTS(units); i++) {
		g_autofree char *path = drop_in(s, units[i]), *text = NULL;
		g_autoptr(setup_file_t) f = NULL;
		int before = s->changed;

		if (strcmp(s->unit, "containerd") == 0 && strcmp(units[i], "containerd") != 0)
			continue;
		f = setup_file_open(path, error);
		if (!f)
			return false;
		text = wanted ? drop_in_text(s, units[i]) : NULL;
		if (!setup_file_replace(s, f, text, error))
			return false;
		s->restart |= s->changed > before;
		if (!wanted && s->changed > before && !s->opt.dry_run)
			remove_dir_of(path);
	}
	return true;
}

/**
 * setup_enforce() - put our runc first in the PATH of the services, or say how to
 */
bool setup_enforce(struct setup *s, GError **error)
{
	if (s->opt.systemd_dir)
		return each_drop_in(s, true, error);
	s->restart = true; /* with another environment: a reload does not do */
	setup_note(s,
		   "systemd does not run here: start dockerd and containerd with PATH=%s:$PATH and "
		   "DOCKER_BUILDKIT_RUNC_COMMAND=%s/runc in their environment to enforce Cloister",
		   s->opt.enforce_dir, s->opt.enforce_dir);
	return true;
}

/**
 * setup_unenforce() - remove our drop-ins
 */
bool setup_unenforce(struct setup *s, GError **error)
{
	if (s->opt.systemd_dir)
		return each_drop_in(s, false, error);
	return true;
}

/* Shims that run `runc` of PATH, and so Cloister. */
static bool runs_runc(const char *name)
{
	return strcmp(name, "containerd-shim") == 0 ||
	       g_str_has_prefix(name, "containerd-shim-runc-");
}

/**
 * setup_report_shims() - note each other shim that `--runtime=io.containerd.NAME.VERSION` can reach
 */
void setup_report_shims(struct setup *s)
{
	g_autofree char *with_own = g_strconcat(UNIT_PATH ":", g_getenv("PATH") ?: "", NULL);
	g_auto(GStrv) dirs = g_strsplit(with_own, ":", -1);
	g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);

	for (char **d = dirs; *d; d++) {
		g_autoptr(GDir) dir = g_dir_open(*d, 0, NULL);
		const char *name;

		while (dir && (name = g_dir_read_name(dir))) {
			g_autofree char *path = g_build_filename(*d, name, NULL);
			char *real;

			if (!g_str_has_prefix(name, "containerd-shim") || runs_runc(name))
				continue;
			real = realpath(path, NULL);
			if (real && g_hash_table_add(seen, g_strdup(real)))
				setup_note(s,
					   "the shim \"%s\" can still be asked for by name; remove "
					   "it to "
					   "enforce Cloister",
					   path);
			free(real);
		}
	}
}
