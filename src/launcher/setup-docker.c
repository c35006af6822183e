/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `cloister docker-setup`: daemon.json.
 *
 * The file as it was without us is kept beside it. What --undo takes out is found by comparing the
 * two: edits that others made since stay. Each run renews the kept file by an undo, so that it
 * follows those edits too. Of a file that was not there a JSON null is kept, which no daemon.json
 * is.
 */
#include "config.h"
#include "launcher/setup.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime/error.h"

static const char *const key_runtime[] = { "runtimes", "cloister", NULL };
static const char *const key_path[] = { "runtimes", "cloister", "path", NULL };
static const char *const key_runtimes[] = { "runtimes", NULL };
static const char *const key_default[] = { "default-runtime", NULL };
static const char *const key_network[] = { "builder", "entitlements", "network-host", NULL };
static const char *const key_insecure[] = { "builder", "entitlements", "security-insecure", NULL };
static const char *const key_entitlements[] = { "builder", "entitlements", NULL };
static const char *const key_builder[] = { "builder", NULL };

/* What is kept where there was no file. */
#define NO_FILE "null\n"

static json_t *get(json_t *json, const char *const *keys)
{
	for (; json && *keys; keys++)
		json = json_object_get(json, *keys);
	return json;
}

static bool check_object(json_t *json, const char *const *keys, const char *path, GError **error)
{
	g_autofree char *name = g_strjoinv(".", (char **)keys);
	json_t *value = get(json, keys);

	return !value || json_is_object(value) ||
	       error_set(error, "\"%s\": %s is not an object; mend it first, it was not touched",
			 path, name);
}

/* What we are about to edit has to have the shape that dockerd expects. */
static bool check_shape(json_t *json, const char *path, GError **error)
{
	json_t *name = get(json, key_default);

	if (name && !json_is_string(name))
		return error_set(error,
				 "\"%s\": default-runtime is not a string; mend it first, it was "
				 "not touched",
				 path);
	return check_object(json, key_runtimes, path, error) &&
	       check_object(json, key_runtime, path, error) &&
	       check_object(json, key_builder, path, error) &&
	       check_object(json, key_entitlements, path, error);
}

static void edit(char **text, const char *const *keys, json_t *value)
{
	char *out = value ? setup_json_set(*text, keys, value) : setup_json_remove(*text, keys);

	g_free(*text);
	*text = out;
}

/* Set @keys to @value unless they have it: nothing is written anew for its looks. */
static void ensure(char **text, json_t *json, const char *const *keys, json_t *value)
{
	if (json_equal(get(json, keys), value))
		json_decref(value);
	else
		edit(text, keys, value);
}

static char *apply(struct setup *s, const char *text, json_t *json)
{
	char *out = g_strdup(text ?: "");

	ensure(&out, json, key_path, json_string(s->program));
	if (s->opt.set_default)
		ensure(&out, json, key_default, json_string("cloister"));
	if (s->opt.enforce) { /* what BuildKit would give to a step beyond a container's */
		ensure(&out, json, key_network, json_false());
		ensure(&out, json, key_insecure, json_false());
	}
	return out;
}

/* Take @keys out if it is an empty object that was not there before us. */
static void drop_empty(char **text, json_t *before, const char *const *keys)
{
	json_t *json = setup_json_parse("", *text, NULL);
	json_t *value = get(json, keys);

	if (json_is_object(value) && !json_object_size(value) && !get(before, keys))
		edit(text, keys, NULL);
	json_decref(json);
}

/* Give @keys back what they had @before us, if they still have @ours. */
static void give_back(char **text, json_t *json, json_t *before, const char *const *keys,
		      json_t *ours)
{
	json_t *was = get(before, keys);

	if (json_equal(get(json, keys), ours) && !json_equal(was, ours))
		edit(text, keys, was ? json_incref(was) : NULL);
	json_decref(ours);
}

/*
 * @text without us. @kept is the file before us, NO_FILE, or NULL where nobody knows. Return: NULL
 * where nothing of us is in it, and NO_FILE where nothing else is and there was no file.
 */
static char *undo(const char *text, json_t *json, const char *kept)
{
	bool made = g_strcmp0(kept, NO_FILE) == 0;
	json_t *before = kept && !made ? setup_json_parse("", kept, NULL) : json_object();
	char *out;
	json_t *after;

	if (!get(json, key_runtime) || (kept && !before)) {
		json_decref(before);
		return NULL;
	}
	out = g_strdup(text);
	if (get(before, key_runtime))
		edit(&out, key_runtime, json_incref(get(before, key_runtime)));
	else
		edit(&out, key_runtime, NULL);
	give_back(&out, json, before, key_default, json_string("cloister"));
	if (kept) { /* without it nobody knows whose these are, and they are the safe ones */
		give_back(&out, json, before, key_network, json_false());
		give_back(&out, json, before, key_insecure, json_false());
		drop_empty(&out, before, key_entitlements);
		drop_empty(&out, before, key_builder);
	}
	drop_empty(&out, before, key_runtimes);
	after = setup_json_parse("", out, NULL);
	if (kept && json_equal(after, before)) { /* nobody else changed a thing: as it was */
		g_free(out);
		out = g_strdup(kept);
	}
	json_decref(after);
	json_decref(before);
	return out;
}

static bool can_validate(void)
{
	const char *const argv[] = { "dockerd", "--help", NULL };
	g_autofree char *out = NULL;

	return setup_run_tool(argv, &out, NULL) && strstr(out, "--validate");
}

/* dockerd itself says whether it takes @text. */
static bool validate(struct setup *s, const struct setup_file *f, const char *text, GError **error)
{
	g_autofree char *path = NULL, *complaint = NULL;
	bool good;

	if (!setup_file_try(f, text, &path, error))
		return false;
	{
		const char *const argv[] = { "dockerd", "--validate", "--config-file", path, NULL };

		good = setup_run_tool(argv, NULL, &complaint);
	}
	unlink(path);
	return good ||
	       error_set(error, "dockerd refuses what \"%s\" would be: %s; it was not touched",
			 f->path, complaint);
}

/* The command line of the dockerd that runs, as one string; NULL if none does. */
static char *running_dockerd(int *pid)
{
	g_autofree char *text = NULL, *path = NULL;
	char *line = NULL;
	gsize len;

	if (!g_file_get_contents("/run/docker.pid", &text, NULL, NULL))
		return NULL;
	*pid = atoi(text);
	path = g_strdup_printf("/proc/%d/cmdline", *pid);
	if (*pid <= 1 || !g_file_get_contents(path, &line, &len, NULL) ||
	    !strstr(line, "dockerd")) {
		g_free(line);
		return NULL;
	}
	for (gsize i = 0; i + 1 < len; i++)
		if (line[i] == '\0')
			line[i] = ' ';
	return line;
}

/* A setting that is both on the command line and in the file keeps dockerd from starting. */
static bool check_flags(struct setup *s, GError **error)
{
	int pid = 0;
	g_autofree char *line = running_dockerd(&pid);

	if (s->opt.undo || !line)
		return true;
	if (strstr(line, " --add-runtime"))
		return error_set(
			error, "dockerd runs with --add-runtime and would not start with runtimes "
			       "in its file too; move that runtime to the file");
	if (s->opt.set_default && strstr(line, " --default-runtime"))
		return error_set(error,
				 "dockerd runs with --default-runtime and would not start with "
				 "default-runtime in its file too; drop that option");
	return true;
}

static void say_next(struct setup *s)
{
	bool systemd = access("/run/systemd/system", F_OK) == 0;
	int pid = 0;
	g_autofree char *line = running_dockerd(&pid);

	if (!s->changed)
		return;
	if (systemd && s->restart) {
		setup_next(s, "systemctl daemon-reload");
		setup_next(s, "systemctl restart containerd docker");
	} else if (systemd) {
		setup_next(s, "systemctl reload docker");
	} else if (s->restart) {
		setup_note(s, "restart containerd and dockerd for this to take effect");
	} else if (line) {
		setup_next(s, "kill -HUP %d", pid);
	} else {
		setup_note(s, "no dockerd of /run/docker.pid runs: it reads this when it starts; "
			      "one that "
			      "runs reads it on SIGHUP");
	}
}

static void report_runtimes(struct setup *s, json_t *json)
{
	const char *name;
	json_t *value;

	json_object_foreach(get(json, key_runtimes), name, value) if (strcmp(name, "cloister") != 0)
		setup_note(s,
			   "runtime \"%s\" of the file can still be asked for; remove it to "
			   "enforce Cloister",
			   name);
}

static bool set_up(struct setup *s, struct setup_file *f, json_t *json, GError **error)
{
	g_autofree char *kept = setup_file_backup(f);
	g_autofree char *without = undo(f->text, json, kept);
	g_autofree char *text = apply(s, f->text, json);
	g_autofree char *was = g_strdup(without ?: f->text ?: NO_FILE);

	if (!can_validate())
		setup_note(s, "this dockerd cannot check a file without being started (it has no "
			      "--validate): only what is written here was checked");
	else if (!validate(s, f, text, error))
		return false;
	if (g_strcmp0(text, f->text) != 0 && !setup_file_set_backup(s, f, was, error))
		return false;
	if (!setup_file_replace(s, f, text, error))
		return false;
	if (!s->opt.enforce)
		return true;
	report_runtimes(s, json);
	setup_report_shims(s);
	return setup_enforce(s, error);
}

static bool take_out(struct setup *s, struct setup_file *f, json_t *json, GError **error)
{
	g_autofree char *kept = setup_file_backup(f);
	g_autofree char *without = undo(f->text, json, kept);
	bool made = g_strcmp0(without, NO_FILE) == 0;

	/*
	 * Never by a reload: dockerd 20.10 ends with a segmentation fault where the default runtime
	 * that it still has is no longer among the runtimes.
	 */
	s->restart = true;
	if (without)
		setup_note(s, "containers that were made with it cannot be started any more; "
			      "remove them");
	if (without && !setup_file_replace(s, f, made ? NULL : without, error))
		return false;
	return setup_file_set_backup(s, f, NULL, error) && setup_unenforce(s, error);
}

/**
 * setup_docker() - enter Cloister into daemon.json, or take it out
 */
bool setup_docker(struct setup *s, GError **error)
{
	g_autoptr(setup_file_t) f = NULL;
	json_t *json;
	bool good;

	if (!check_flags(s, error))
		return false;
	f = setup_file_open(s->opt.config, error);
	if (!f)
		return false;
	json = setup_json_parse(f->path, f->text ?: "", error);
	if (!json)
		return false;
	good = check_shape(json, f->path, error) &&
	       (s->opt.undo ? take_out(s, f, json, error) : set_up(s, f, json, error));
	json_decref(json);
	if (good)
		say_next(s);
	return good;
}
