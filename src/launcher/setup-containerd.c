/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `cloister containerd-setup`: config.toml, for containerd's CRI plugin (Kubernetes).
 *
 * A file of our own, brought in by `imports`, would be neater, but containerd takes a plugin's
 * section from one file alone: ours would wipe out the CNI settings of the main file. So our
 * tables go to the end of the main file, between two marks, and --undo cuts there. A key that
 * already has its place in the file gets our value on the line below, the old one in a comment.
 *
 * containerd judges: its `config dump` of the new text must be that of the old text and our entry,
 * or the file is not touched.
 */
#include "config.h"
#include "launcher/setup-containerd.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime/error.h"

#define BEGIN	"# cloister: begin (made by `cloister containerd-setup`; --undo removes it)\n"
#define END	"# cloister: end\n"
#define WAS	"#cloister-was: "
#define SET	" # set by cloister\n"
#define UNENDED "# cloister: the line before had no end\n"

/* The version of @lines, the text of @f, as which our entry is written. */
static bool find_version(const struct setup_file *f, GPtrArray *lines, int *version, GError **error)
{
	*version = lines->len ? containerd_version(lines) : 2;
	if (*version >= 2 || (!*version && !containerd_any_below(lines, "plugins")))
		return true;
	return error_set(
		error,
		"\"%s\" is of version 1, whose settings of plugins containerd has given up; "
		"`containerd config migrate` prints it as a newer one",
		f->path);
}

/* What others added to a file that we had made counts on the version that we gave it. */
static void keep_version(GString *text, const char *line, const char *end)
{
	g_autoptr(GPtrArray) lines = setup_toml_lines(text->str);

	if (line && lines->len && !setup_toml_find(lines, "", "version"))
		g_string_insert_len(text, 0, line, end - line);
}

/* @text without what we put in; Return: owned by the caller. */
static char *undo(const char *text)
{
	const char *version = NULL, *version_end = NULL;
	GString *out = g_string_new(NULL);
	bool inside = false;

	while (*text) {
		const char *end = text + strcspn(text, "\n");
		const char *word = text + strspn(text, " \t");

		end += *end == '\n';
		if (g_str_has_prefix(text, BEGIN))
			inside = true;
		else if (inside && g_str_has_prefix(text, UNENDED) && out->len)
			g_string_truncate(out, out->len - 1);
		else if (inside && g_str_has_prefix(text, "version = "))
			version = text, version_end = end;
		else if (inside)
			inside = !g_str_has_prefix(text, END);
		else if (g_str_has_prefix(word, WAS))
			g_string_append_len(out, word + strlen(WAS), end - word - strlen(WAS));
		else if ((size_t)(end - text) < strlen(SET) ||
			 strncmp(end - strlen(SET), SET, strlen(SET)) != 0)
			g_string_append_len(out, text, end - text);
		text = end;
	}
	keep_version(out, version, version_end);
	return g_string_free(out, FALSE);
}

/* containerd's view of @text: NULL and *@error if it takes it not. */
static char *dump(const struct setup_file *f, const char *text, GError **error)
{
	g_autofree char *path = NULL, *complaint = NULL;
	char *out = NULL;
	bool good;

	if (!setup_file_try(f, text, &path, error))
		return NULL;
	{
		const char *const argv[] = {
			"containerd", "--config", path, "config", "dump", NULL
		};

		good = setup_run_tool(argv, &out, &complaint);
	}
	unlink(path);
	if (good)
		return out;
	g_free(out);
	error_set(error, "containerd does not read \"%s\": %s; it was not touched", f->path,
		  complaint);
	return NULL;
}

/*
 * The tables below @parent of a dump, those at or below @except left out. Whole, with values that
 * are the defaults: `config dump` shows which keys of free-form tables are set.
 */
static void copy_tables(GString *out, const char *text, const char *parent, const char *except)
{
	g_autoptr(GPtrArray) lines = setup_toml_lines(text);

	for (guint i = 0; i < lines->len; i++) {
		const struct toml_line *line = lines->pdata[i];

		size_t indent = strspn(line->start, " \t");

		if (setup_toml_below(line->table, parent) &&
		    !setup_toml_below(line->table, except) && strcmp(line->table, parent) != 0) {
			g_string_append(out, line->header ? "" : "  ");
			g_string_append_len(out, line->start + indent,
					    line->end - line->start - indent);
		}
	}
}

/* Does the runc entry have its cgroups made by systemd? Then ours has to, on the same machine. */
static bool systemd_cgroup(const layout_t *l, const char *dumped)
{
	g_autoptr(GPtrArray) lines = setup_toml_lines(dumped);
	g_autofree char *table = g_strconcat(l->runtimes, "/runc/options", NULL);
	const struct toml_line *line = setup_toml_find(lines, table, "SystemdCgroup");

	return line && g_strstr_len(line->start, line->end - line->start, "true");
}

/*
 * The stock entries: containerd 1 has none as soon as one is named. Where it shows none, because
 * the CRI plugin is switched off, that of runc: it would be missing on the day somebody switches it
 * on.
 */
static void append_stock(GString *out, const layout_t *l, const layout_t *shown, const char *dumped)
{
	g_autoptr(GPtrArray) lines = setup_toml_lines(dumped);

	if (shown->version > 2)
		return;
	if (containerd_any_below(lines, shown->runtimes))
		copy_tables(out, dumped, shown->runtimes, shown->ours);
	else
		g_string_append_printf(out,
				       "[plugins.\"%s\".containerd.runtimes.runc]\n"
				       "  runtime_type = \"io.containerd.runc.v2\"\n",
				       l->id);
}

/* Our tables, and the stock ones if the file names none. */
static void append_block(struct setup *s, GString *out, const layout_t *l, const layout_t *shown,
			 const char *base, const char *dumped, bool own_table)
{
	g_autoptr(GPtrArray) lines = setup_toml_lines(base);
	bool unended = out->len && out->str[out->len - 1] != '\n';

	if (unended)
		g_string_append_c(out, '\n');
	g_string_append(out, BEGIN);
	if (unended)
		g_string_append(out, UNENDED);
	if (!lines->len)
		g_string_append_printf(out, "version = %d\n", l->version);
	if (own_table)
		g_string_append_printf(out,
				       "[plugins.\"%s\".containerd]\n  default_runtime_name = "
				       "\"cloister\"\n",
				       l->id);
	if (!containerd_any_below(lines, l->runtimes))
		append_stock(out, l, shown, dumped);
	g_string_append_printf(out,
			       "[plugins.\"%s\".containerd.runtimes.cloister]\n"
			       "  runtime_type = \"io.containerd.runc.v2\"\n"
			       "  [plugins.\"%s\".containerd.runtimes.cloister.options]\n"
			       "    BinaryName = \"%s\"\n",
			       l->id, l->id, s->program);
	if (systemd_cgroup(shown, dumped))
		g_string_append(out, "    SystemdCgroup = true\n");
	g_string_append(out, END);
}

/* Put our default below the line @at; with @was in a comment if that gives the key a value. */
static void insert_default(GString *out, const char *base, const struct toml_line *at, bool was)
{
	const char *key = "default_runtime_name ";
	size_t indent = strspn(at->start, " \t"), name = was ? strcspn(at->start, "=") : indent;

	g_string_append_len(out, base, at->start - base);
	if (was)
		g_string_append(out, WAS);
	g_string_append_len(out, at->start, at->end - at->start);
	if (out->str[out->len - 1] != '\n')
		g_string_append_c(out, '\n');
	g_string_append_len(out, at->start, name);
	g_string_append_printf(out, "%s= \"cloister\"" SET, was ? "" : key);
	g_string_append(out, at->end);
}

static char *apply(struct setup *s, const layout_t *l, const layout_t *shown, const char *base,
		   const char *dumped)
{
	g_autoptr(GPtrArray) lines = setup_toml_lines(base);
	const struct toml_line *key, *table;
	GString *out = g_string_new(NULL);
	bool own_table = false;

	key = setup_toml_find(lines, l->cri, "default_runtime_name");
	table = setup_toml_find(lines, l->cri, NULL);
	if (!s->opt.set_default) {
		g_string_append(out, base);
	} else if (key) {
		insert_default(out, base, key, true);
	} else if (table) {
		insert_default(out, base, table, false);
	} else {
		g_string_append(out, base);
		own_table = true;
	}
	append_block(s, out, l, shown, base, dumped, own_table);
	return g_string_free(out, FALSE);
}

/* Is @line of a dump our entry, a table around it, or the name of the default? */
static bool is_ours(const layout_t *l, const struct toml_line *line)
{
	return setup_toml_below(line->table, l->ours) ||
	       (line->header && setup_toml_below(l->ours, line->table)) ||
	       (strcmp(line->table, l->cri) == 0 &&
		g_strcmp0(line->key, "default_runtime_name") == 0);
}

/*
 * A dump without what is ours: what must not change. Ours can be in both layouts, because settings
 * of a plugin that is switched off are not brought from version 2 to 3.
 */
static char *rest_of(const layout_t *l, const layout_t *shown, const char *dumped)
{
	g_autofree char *text = containerd_rename(dumped, CONTAINERD_CRI_OLD, CONTAINERD_CRI);
	g_autoptr(GPtrArray) lines = setup_toml_lines(text);
	GString *out = g_string_new(NULL);

	for (guint i = 0; i < lines->len; i++) {
		const struct toml_line *line = lines->pdata[i];

		if (is_ours(l, line) || is_ours(shown, line) ||
		    (!*line->table && g_strcmp0(line->key, "imports") == 0)) /* names the file */
			continue;
		g_string_append_printf(out, "%s: %.*s", line->table, (int)(line->end - line->start),
				       line->start);
	}
	return g_string_free(out, FALSE);
}

static bool judge(struct setup *s, const struct setup_file *f, const layout_t *l,
		  const layout_t *shown, const char *before, const char *text, GError **error)
{
	g_autofree char *after = dump(f, text, error), *a = NULL, *b = NULL, *name = NULL;
	g_autofree char *options = g_strconcat(shown->ours, "/options", NULL), *binary = NULL;
	g_autoptr(GPtrArray) lines = NULL, was = setup_toml_lines(before);
	bool seen;

	if (!after)
		return false;
	lines = setup_toml_lines(after);
	a = rest_of(l, shown, before);
	b = rest_of(l, shown, after);
	binary = setup_toml_string(setup_toml_find(lines, options, "BinaryName"));
	name = setup_toml_string(setup_toml_find(lines, shown->cri, "default_runtime_name"));
	seen = g_strcmp0(binary, s->program) == 0 &&
	       (!s->opt.set_default || g_strcmp0(name, "cloister") == 0);
	/* Of a plugin that is switched off nothing is shown, our entry neither. */
	if (strcmp(a, b) == 0 && (seen || !containerd_any_below(was, shown->cri)))
		return true;
	return error_set(
		error,
		"containerd would not see the runtime or lose another setting, perhaps because a "
		"file in `imports` of \"%s\" has the section %s too, or it is written with dotted "
		"keys; "
		"enter it by hand (see "
		"doc/containerd.md)",
		f->path, shown->id);
}

static void report(struct setup *s, const layout_t *l, const char *dumped)
{
	g_autoptr(GPtrArray) lines = setup_toml_lines(dumped), off = NULL;

	off = setup_toml_array(setup_toml_find(lines, "", "disabled_plugins"));
	for (guint i = 0; i < off->len; i++)
		if (strcmp(off->pdata[i], CONTAINERD_CRI_OLD) == 0 ||
		    strcmp(off->pdata[i], CONTAINERD_CRI) == 0 || strcmp(off->pdata[i], l->id) == 0)
			setup_note(s, "the CRI plugin is switched off by disabled_plugins: the "
				      "entry has no "
				      "effect (ctr and Docker need none)");
	for (guint i = 0; s->opt.enforce && i < lines->len; i++) {
		const struct toml_line *line = lines->pdata[i];
		g_autofree char *value = NULL;

		if (!setup_toml_below(line->table, l->runtimes) || !line->key ||
		    setup_toml_below(line->table, l->ours))
			continue;
		value = setup_toml_string(line);
		if (strcmp(line->key, "BinaryName") == 0 && value && strchr(value, '/'))
			setup_note(s,
				   "a runtime entry runs \"%s\" by its path: it can still be asked "
				   "for; "
				   "remove it to enforce Cloister",
				   value);
	}
}

static bool set_up(struct setup *s, struct setup_file *f, const char *base, GError **error)
{
	g_autoptr(GPtrArray) lines = setup_toml_lines(base), dumped = NULL;
	g_autofree char *before = NULL, *text = NULL, *given = NULL, *raised = NULL;
	g_autofree char *kept = setup_file_backup(f);
	g_auto(layout_t) l = { 0 }, shown = { 0 };
	int version;
	bool made;

	if (!find_version(f, lines, &version, error))
		return false;
	raised = version ? g_strdup(base) : containerd_raise(base);
	layout_init(&l, version ?: 2);
	if (containerd_any_below(lines, l.ours))
		return error_set(error,
				 "\"%s\" has a runtime \"cloister\" that was not made by this "
				 "command; remove it first",
				 f->path);
	given = lines->len ? g_strdup(base) : g_strdup_printf("version = %d\n", version);
	before = dump(f, given, error);
	if (!before)
		return false;
	/* containerd 2 reads version 2 as well, and shows it as version 3. */
	dumped = setup_toml_lines(before);
	layout_init(&shown, containerd_version(dumped));
	/* A second run without --default keeps it. */
	s->opt.set_default |= f->text &&
			      (strstr(f->text, SET) ||
			       strstr(f->text, "  default_runtime_name = \"cloister\"\n"));
	text = apply(s, &l, &shown, raised, before);
	if (!judge(s, f, &l, &shown, before, text, error))
		return false;
	report(s, &shown, before);
	/* Nothing is kept of a file that we made: that is how --undo knows. */
	made = !f->text || (!*base && !kept && strcmp(f->text, base) != 0);
	if (!made && strcmp(f->text, text) != 0 && !setup_file_set_backup(s, f, base, error))
		return false;
	if (!setup_file_replace(s, f, text, error))
		return false;
	if (!s->opt.enforce)
		return true;
	setup_report_shims(s);
	return setup_enforce(s, error);
}

static bool take_out(struct setup *s, struct setup_file *f, const char *base, GError **error)
{
	g_autofree char *kept = setup_file_backup(f);

	if (f->text && !setup_file_replace(s, f, *base || kept ? base : NULL, error))
		return false;
	return setup_file_set_backup(s, f, NULL, error) && setup_unenforce(s, error);
}

/**
 * setup_containerd() - enter Cloister into config.toml, or take it out
 */
bool setup_containerd(struct setup *s, GError **error)
{
	g_autoptr(setup_file_t) f = setup_file_open(s->opt.config, error);
	g_autofree char *base = NULL, *cut = NULL;
	const char *systemd = "/run/systemd/system";

	if (!f)
		return false;
	cut = undo(f->text ?: "");
	base = containerd_lower(cut);
	if (!(s->opt.undo ? take_out(s, f, base, error) : set_up(s, f, base, error)))
		return false;
	if (!s->changed)
		return true;
	if (access(systemd, F_OK) == 0 && s->restart)
		setup_next(s, "systemctl daemon-reload");
	if (access(systemd, F_OK) == 0)
		setup_next(s, "systemctl restart containerd");
	else
		setup_note(s,
			   "restart containerd for this to take effect; containers go on running");
	return true;
}
