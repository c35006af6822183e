/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `cloister docker-setup`, `containerd-setup`, `podman-setup`: enter Cloister into an engine's
 * configuration, and take it out again.
 */
#include "config.h"
#include "launcher/flags.h"
#include "launcher/launcher.h"
#include "launcher/setup.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "launcher/options.h"
#include "runtime/error.h"
#include "runtime/hostcheck.h"

struct engine {
	const char *command;
	const char *title;
	const char *unit; /* NULL: it runs runtimes itself, and nothing is to be enforced */
	const char *config;
	const char *undo; /* what --undo leaves alone */
	bool (*run)(struct setup *s, GError **error);
};

static const struct engine docker = {
	"docker-setup",
	"Docker",
	"docker",
	"/etc/docker/daemon.json",
	"also if the file was edited since",
	setup_docker,
};
static const struct engine containerd = {
	"containerd-setup",
	"containerd's CRI",
	"containerd",
	"/etc/containerd/config.toml",
	"also if the file was edited since",
	setup_containerd,
};
static const struct engine podman = {
	"podman-setup",
	"Podman",
	NULL,
	"/etc/containers/containers.conf.d/50-cloister.conf",
	"all of it is in one file",
	setup_podman,
};

static void print_help(const struct engine *e)
{
	printf("Usage: cloister %s [OPTION]…\n\n"
	       "Enter Cloister as the runtime \"cloister\" into the configuration of %s, keep\n"
	       "everything else in it, and say how to make it take effect. A second run changes\n"
	       "nothing. Exit status: 0, or 1 if it could not be done.\n\n"
	       "  --default          make it the runtime of containers that ask for none\n",
	       e->command, e->title);
	if (e->unit)
		printf("  --enforce          also run Cloister whenever the engine looks for "
		       "`runc`: other\n"
		       "                     runtimes cannot be asked for, and builds are "
		       "contained\n"
		       "  --enforce-dir DIR  directory whose runc and crun are Cloister\n"
		       "                     (default %s/enforce)\n"
		       "  --systemd-dir DIR  where drop-ins go (default /etc/systemd/system, if "
		       "systemd\n"
		       "                     runs)\n",
		       PKGLIBEXECDIR);
	printf("  --undo             take out what was entered, %s\n"
	       "  --dry-run          show what would change, and change nothing\n"
	       "  --config FILE      edit FILE (default %s)\n"
	       "  --program FILE     the program to enter (default: this one)\n"
	       "  --json             print what was done as JSON\n"
	       "  --help             show this text\n",
	       e->undo, e->config);
}

/**
 * setup_note() - something the reader has to know, on one line
 */
void setup_note(struct setup *s, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	g_ptr_array_add(s->notes, g_strdup_vprintf(format, args));
	va_end(args);
}

/**
 * setup_next() - a command that makes the change take effect
 */
void setup_next(struct setup *s, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	g_ptr_array_add(s->next, g_strdup_vprintf(format, args));
	va_end(args);
}

/* The last line of @text that is not blank: where tools say what was wrong. */
static char *last_line(const char *text)
{
	g_auto(GStrv) lines = g_strsplit(g_strchomp((char *)text), "\n", -1);
	guint n = g_strv_length(lines);

	return g_strdup(n ? g_strstrip(lines[n - 1]) : "");
}

/**
 * setup_run_tool() - run a program of PATH and wait for it
 * @out: receives its output, or NULL
 * @complaint: receives the last line of its standard error, or NULL
 *
 * Return: whether it could be run and ended with status 0.
 */
bool setup_run_tool(const char *const argv[], char **out, char **complaint)
{
	g_autofree char *output = NULL, *err = NULL;
	g_autoptr(GError) error = NULL;
	int status = -1;
	bool good;

	good = g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, &output,
			    &err, &status, &error) &&
	       status == 0;
	if (complaint)
		*complaint = error ? g_strdup(error->message) : last_line(err);
	if (out)
		*out = g_steal_pointer(&output);
	return good;
}

static bool find_program(struct setup *s, const char *given, GError **error)
{
	char self[PATH_MAX];
	struct stat st;
	ssize_t n;

	if (given) {
		s->program = option_path("--program", given, error);
		if (!s->program)
			return false;
	} else {
		n = readlink("/proc/self/exe", self, sizeof(self) - 1);
		if (n < 0)
			return error_set_errno(error, -errno, "find our own path in /proc");
		s->program = g_strndup(self, n);
	}
	if (stat(s->program, &st) < 0)
		return error_set_errno(error, -errno, "program \"%s\"", s->program);
	if (!S_ISREG(st.st_mode) || access(s->program, X_OK) < 0)
		return error_set(error, "\"%s\" is not a program", s->program);
	if (strpbrk(s->program, "\"\\\n"))
		return error_set(error, "\"%s\": a path with quotes cannot be entered", s->program);
	return true;
}

/* An engine whose every container fails is worse than one without us. */
static bool check_host(GError **error)
{
	struct hostcheck *hc = hostcheck_run();
	bool can_run = hostcheck_can_run(hc);

	hostcheck_free(hc);
	return can_run ||
	       error_set(error, "containers cannot run on this host; `cloister check` says "
				"what lacks");
}

static json_t *strings(GPtrArray *array)
{
	json_t *list = json_array();

	for (guint i = 0; i < array->len; i++)
		json_array_append_new(list, json_string(array->pdata[i]));
	return list;
}

static void print_json(const struct engine *e, const struct setup *s)
{
	json_t *json = json_pack("{s:s, s:s, s:s, s:b, s:b, s:b, s:s, s:o, s:o}", "command",
				 e->command, "config", s->opt.config, "program", s->program, "undo",
				 s->opt.undo, "dry_run", s->opt.dry_run, "changed", s->changed > 0,
				 "diff", s->diff->str, "notes", strings(s->notes), "next",
				 strings(s->next));

	json_dumpf(json, stdout, JSON_INDENT(2));
	putchar('\n');
	json_decref(json);
}

static void print_text(const struct setup *s)
{
	if (s->changed)
		fputs(s->diff->str, stdout);
	else
		puts(s->opt.undo ? "nothing to undo" : "already set up");
	for (guint i = 0; i < s->notes->len; i++)
		printf("note: %s\n", (char *)s->notes->pdata[i]);
	if (s->changed && s->opt.dry_run)
		puts("nothing was changed (--dry-run)");
	for (guint i = 0; i < s->next->len; i++)
		printf("%s %s\n", i ? "          " : "now type: ", (char *)s->next->pdata[i]);
}

static int run(const struct engine *e, struct setup *s, const char *program)
{
	g_autoptr(GError) error = NULL;

	if (geteuid() != 0 && !s->opt.dry_run)
		error_set(&error, "needs root privileges; use sudo, or look with --dry-run");
	else if (find_program(s, program, &error) &&
		 (s->opt.undo || s->opt.dry_run || check_host(&error)) &&
		 (!s->opt.enforce || setup_enforce_check(s, &error)) && e->run(s, &error))
		s->opt.json ? print_json(e, s) : print_text(s);
	if (!error && (fflush(stdout) == EOF || ferror(stdout)))
		error_set_errno(&error, -errno, "%s: standard output", e->command);
	return error ? launcher_fail(error) : 0;
}

enum {
	OPT_DEFAULT = 256,
	OPT_ENFORCE,
	OPT_ENFORCE_DIR,
	OPT_SYSTEMD_DIR,
	OPT_UNDO,
	OPT_DRY_RUN,
	OPT_CONFIG,
	OPT_PROGRAM,
	OPT_JSON
};

static const struct option options[] = {
	{ "default", no_argument, NULL, OPT_DEFAULT },
	{ "undo", no_argument, NULL, OPT_UNDO },
	{ "dry-run", no_argument, NULL, OPT_DRY_RUN },
	{ "config", required_argument, NULL, OPT_CONFIG },
	{ "program", required_argument, NULL, OPT_PROGRAM },
	{ "json", no_argument, NULL, OPT_JSON },
	{ "help", no_argument, NULL, 'h' },
	/* Those of engines with a unit come last. */
	{ "enforce", no_argument, NULL, OPT_ENFORCE },
	{ "enforce-dir", required_argument, NULL, OPT_ENFORCE_DIR },
	{ "systemd-dir", required_argument, NULL, OPT_SYSTEMD_DIR },
	{ 0 },
};

static void take_option(struct setup_options *o, int c, const char **program)
{
	switch (c) {
	case OPT_DEFAULT:
		o->set_default = !optarg;
		break;
	case OPT_ENFORCE:
		o->enforce = !optarg;
		break;
	case OPT_ENFORCE_DIR:
		o->enforce_dir = optarg;
		break;
	case OPT_SYSTEMD_DIR:
		o->systemd_dir = optarg;
		break;
	case OPT_UNDO:
		o->undo = !optarg;
		break;
	case OPT_DRY_RUN:
		o->dry_run = !optarg;
		break;
	case OPT_CONFIG:
		o->config = optarg;
		break;
	case OPT_PROGRAM:
		*program = optarg;
		break;
	case OPT_JSON:
		o->json = !optarg;
		break;
	}
}

static int setup_main(const struct engine *e, int argc, char **argv)
{
	struct setup s = {
		.opt = { .config = e->config, .enforce_dir = PKGLIBEXECDIR "/enforce" },
		.unit = (char *)e->unit,
	};
	const char *program = NULL;
	int c, status;

	if (access("/run/systemd/system", F_OK) == 0)
		s.opt.systemd_dir = "/etc/systemd/system";
	while ((c = flags_getopt(argc, argv, "h", options)) != -1) {
		if (c == 'h') {
			print_help(e);
			return 0;
		}
		if (c == '?' || (!e->unit && c >= OPT_ENFORCE && c <= OPT_SYSTEMD_DIR))
			return launcher_bad_option(e->command, argv);
		take_option(&s.opt, c, &program);
	}
	if (optind < argc)
		return launcher_usage_error(e->command, "unknown argument \"%s\"", argv[optind]);
	if (s.opt.undo && (s.opt.set_default || s.opt.enforce))
		return launcher_usage_error(e->command,
					    "--undo takes everything out; give it without "
					    "--default and --enforce");
	s.diff = g_string_new(NULL);
	s.notes = g_ptr_array_new_with_free_func(g_free);
	s.next = g_ptr_array_new_with_free_func(g_free);
	status = run(e, &s, program);
	g_string_free(s.diff, TRUE);
	g_ptr_array_unref(s.notes);
	g_ptr_array_unref(s.next);
	g_free(s.program);
	return status;
}

/**
 * cmd_docker_setup() - `cloister docker-setup`
 */
int cmd_docker_setup(int argc, char **argv)
{
	return setup_main(&docker, argc, argv);
}

/**
 * cmd_containerd_setup() - `cloister containerd-setup`
 */
int cmd_containerd_setup(int argc, char **argv)
{
	return setup_main(&containerd, argc, argv);
}

/**
 * cmd_podman_setup() - `cloister podman-setup`
 */
int cmd_podman_setup(int argc, char **argv)
{
	return setup_main(&podman, argc, argv);
}
