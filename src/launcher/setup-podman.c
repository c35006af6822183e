/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `cloister podman-setup`: a file of our own in containers.conf.d, so that nothing is edited.
 *
 * Tables of these files are merged, but an array replaces the one before: runtime_supports_json
 * (whose errors Podman reads from a log file) has to repeat what was in effect.
 */
#include "config.h"
#include "launcher/setup.h"

#include <string.h>

#include "runtime/error.h"

#define MARK "# Made by `cloister podman-setup`; `cloister podman-setup --undo` removes it.\n"

/* Without a file that says otherwise (containers.conf(5)). */
static const char *const builtin[] = { "crun", "runc", "kata", "runsc", "youki", "krun" };

static void read_supports(const char *path, GPtrArray **names)
{
	g_autoptr(GPtrArray) lines = NULL;
	const struct toml_line *line;
	g_autofree char *text = NULL;

	if (!g_file_get_contents(path, &text, NULL, NULL))
		return;
	lines = setup_toml_lines(text);
	line = setup_toml_find(lines, "engine", "runtime_supports_json");
	if (!line)
		return;
	g_ptr_array_unref(*names);
	*names = setup_toml_array(line);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The names in effect before our file is read: later files win, and those of a directory are
 * sorted. */
static GPtrArray *supports_json(const struct setup_file *f)
{
	GPtrArray *names = g_ptr_array_new_with_free_func(g_free);
	g_autoptr(GPtrArray) files = g_ptr_array_new_with_free_func(g_free);
	g_autofree char *dir = g_path_get_dirname(f->path);
	g_autofree char *main_file = g_build_filename(dir, "..", "containers.conf", NULL);
	g_autoptr(GDir) entries = g_dir_open(dir, 0, NULL);
	const char *name;

	for (size_t i = 0; i < G_N_ELEMENTS(builtin); i++)
		g_ptr_array_add(names, g_strdup(builtin[i]));
	read_supports("/usr/share/containers/containers.conf", &names);
	read_supports(main_file, &names);
	while (entries && (name = g_dir_read_name(entries)))
		if (g_str_has_suffix(name, ".conf"))
			g_ptr_array_add(files, g_build_filename(dir, name, NULL));
	g_ptr_array_sort(files, by_name);
	for (guint i = 0; i < files->len && strcmp(files->pdata[i], f->path) < 0; i++)
		read_supports(files->pdata[i], &names);
	return names;
}

static char *our_text(struct setup *s, const struct setup_file *f)
{
	g_autoptr(GPtrArray) names = supports_json(f);
	GString *text = g_string_new(MARK "[engine]\n");

	if (s->opt.set_default)
		g_string_append(text, "runtime = \"cloister\"\n");
	g_string_append(text, "runtime_supports_json = [");
	for (guint i = 0; i < names->len; i++)
		if (strcmp(names->pdata[i], "cloister") != 0)
			g_string_append_printf(text, "\"%s\", ", (char *)names->pdata[i]);
	g_string_append_printf(text, "\"cloister\"]\n\n[engine.runtimes]\ncloister = [\"%s\"]\n",
			       s->program);
	return g_string_free(text, FALSE);
}

/* A second run without --default keeps it. */
static bool has_default(const char *text)
{
	g_autoptr(GPtrArray) lines = setup_toml_lines(text ?: "");

	return setup_toml_find(lines, "engine", "runtime");
}

/**
 * setup_podman() - write our file of containers.conf.d, or remove it
 */
bool setup_podman(struct setup *s, GError **error)
{
	g_autoptr(setup_file_t) f = setup_file_open(s->opt.config, error);
	g_autofree char *text = NULL;

	if (!f)
		return false;
	if (f->text && !g_str_has_prefix(f->text, MARK))
		return error_set(error,
				 "\"%s\" was not made by cloister podman-setup; move it away",
				 f->path);
	if (!s->opt.undo) {
		s->opt.set_default |= has_default(f->text);
		text = our_text(s, f);
	}
	return setup_file_replace(s, f, text, error);
}
