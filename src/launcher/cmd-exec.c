/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `cloister exec`: another command in a container that runs; by hand, or from a process document as
 * engines have it.
 */
#include "config.h"
#include "launcher/launcher.h"

#include "launcher/flags.h"
#include "launcher/bundle.h"
#include "launcher/foreground.h"
#include "launcher/known.h"
#include "launcher/options.h"
#include "lib/fd.h"
#include "runtime/caps.h"
#include "runtime/console.h"
#include "runtime/error.h"
#include "runtime/exec.h"
#include "runtime/state.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* What engines expect of an exec that did not come to its command. */
#define EXIT_NOT_STARTED 255

struct exec_options {
	struct bundle_options common;
	const char *process; /* file with an OCI process object */
	const char *cwd;
	const char *user;
	const char *apparmor, *label;
	GPtrArray *env, *caps, *gids;
	bool tty, no_new_privs, ignore_paused;
};

enum {
	OPT_CONSOLE = 256,
	OPT_PIDFD,
	OPT_PID_FILE,
	OPT_PRESERVE,
	OPT_CWD,
	OPT_NO_NEW_PRIVS,
	OPT_LABEL,
	OPT_APPARMOR,
	OPT_IGNORE_PAUSED,
	OPT_CGROUP,
};

static const struct option long_options[] = {
	{ "tty", no_argument, NULL, 't' },
	{ "detach", no_argument, NULL, 'd' },
	{ "interactive", no_argument, NULL, 'i' },
	{ "process", required_argument, NULL, 'p' },
	{ "user", required_argument, NULL, 'u' },
	{ "env", required_argument, NULL, 'e' },
	{ "cap", required_argument, NULL, 'c' },
	{ "additional-gids", required_argument, NULL, 'g' },
	{ "cwd", required_argument, NULL, OPT_CWD },
	{ "console-socket", required_argument, NULL, OPT_CONSOLE },
	{ "pidfd-socket", required_argument, NULL, OPT_PIDFD },
	{ "pid-file", required_argument, NULL, OPT_PID_FILE },
	{ "preserve-fds", required_argument, NULL, OPT_PRESERVE },
	{ "no-new-privs", no_argument, NULL, OPT_NO_NEW_PRIVS },
	{ "process-label", required_argument, NULL, OPT_LABEL },
	{ "apparmor", required_argument, NULL, OPT_APPARMOR },
	{ "ignore-paused", no_argument, NULL, OPT_IGNORE_PAUSED },
	{ "cgroup", required_argument, NULL, OPT_CGROUP },
	{ "help", no_argument, NULL, 'h' },
	{ 0 },
};

static void print_help(void)
{
	printf("Usage: cloister exec [OPTION]… [--] NAME COMMAND [ARGUMENT]…\n"
	       "       cloister exec --process FILE [OPTION]… NAME\n\n"
	       "Run a command in the container NAME, with the capabilities, filter, environment "
	       "and\n"
	       "views of its first process.\n\n"
	       "  -t, --tty              give the command a terminal even if we have none\n"
	       "  -d, --detach           return when the command runs\n"
	       "  -i, --interactive      of other tools: standard input is always passed on\n"
	       "  -p, --process FILE     take all about the command from this OCI process object\n"
	       "  -u, --user UID[:GID]   run as this user of the container\n"
	       "  -e, --env KEY=VALUE    set an environment variable too\n"
	       "  --cwd DIR              working directory inside\n"
	       "  -c, --cap NAME         add a capability\n"
	       "  -g, --additional-gids GID\n"
	       "                         add a supplementary group\n"
	       "  --no-new-privs         set no_new_privs\n"
	       "  --apparmor PROFILE     run under this AppArmor profile\n"
	       "  --process-label LABEL  run under this SELinux label\n"
	       "  --console-socket PATH  send the terminal's master to this socket\n"
	       "  --pidfd-socket PATH    send a pidfd of the command to this socket\n"
	       "  --pid-file FILE        write the command's pid to FILE\n"
	       "  --preserve-fds N       pass on descriptors 3 to 2+N\n"
	       "  --ignore-paused        wait for a paused container instead of failing\n"
	       "  --cgroup PATH          refused: it runs in the container's own cgroup\n"
	       "  --help                 show this text\n\n"
	       "Exit status: as of `cloister launch`; with --process or --detach, and in a "
	       "container "
	       "of\n"
	       "`cloister create`, 255 if the command did not start.\n");
}

static bool parse_option(struct exec_options *o, int c, const char *arg, GError **error)
{
	switch (c) {
	case 't':
		o->tty = !arg;
		return true;
	case 'd':
		o->common.detach = !arg;
		return true;
	case 'i':
		return true; /* that is how it is */
	case 'p':
		o->process = arg;
		return true;
	case 'u':
		o->user = arg;
		return true;
	case 'e':
		g_ptr_array_add(o->env, (char *)arg);
		return strchr(arg, '=') || error_set(error, "--env \"%s\": give KEY=VALUE", arg);
	case 'c':
		g_ptr_array_add(o->caps, (char *)arg);
		return caps_from_name(arg) >= 0 ||
		       error_set(error, "--cap \"%s\": unknown capability", arg);
	case 'g':
		g_ptr_array_add(o->gids, (char *)arg);
		return true;
	case OPT_CWD:
		o->cwd = arg;
		return arg[0] == '/' ||
		       error_set(error, "--cwd \"%s\": give an absolute path", arg);
	case OPT_CONSOLE:
		o->common.console_socket = arg;
		return true;
	case OPT_PIDFD:
		o->common.pidfd_socket = arg;
		return true;
	case OPT_PID_FILE:
		o->common.pid_file = arg;
		return true;
	case OPT_PRESERVE:
		return bundle_number("--preserve-fds", arg, INT_MAX, &o->common.preserve_fds,
				     error);
	case OPT_NO_NEW_PRIVS:
		o->no_new_privs = !arg;
		return true;
	case OPT_LABEL:
		o->label = arg;
		return true;
	case OPT_APPARMOR:
		o->apparmor = arg;
		return true;
	case OPT_IGNORE_PAUSED:
		o->ignore_paused = !arg;
		return true;
	default:
		return error_set(error, "--cgroup: a command runs in the container's own cgroup");
	}
}

/* Everything about the command from the document of an engine. */
static bool read_process(struct spec *spec, const char *path, GError **error)
{
	g_autofree char *name = g_strdup_printf("--process \"%s\"", path);
	FILE *f = fopen(path, "re");
	json_t *json;
	bool ok;

	if (!f)
		return error_set_errno(error, -errno, "%s", name);
	json = spec_read_stream(f, name, error);
	fclose(f);
	if (!json)
		return false;
	spec_process_clear(&spec->process);
	memset(&spec->process, 0, sizeof(spec->process));
	ok = spec_parse_process(json, &spec->process, error);
	/* What was parsed may point into it. */
	json_object_set_new(spec->json, "process", json);
	return ok;
}

static bool add_groups(struct spec_process *p, const GPtrArray *gids, GError **error)
{
	for (guint i = 0; i < gids->len; i++) {
		int64_t gid;

		if (!option_number("--additional-gids", gids->pdata[i], 0, UINT32_MAX - 1, &gid,
				   error))
			return false;
		g_array_append_val(p->groups, (gid_t){ gid });
	}
	spec_process_order_groups(p);
	return true;
}

/* The container's own process, with what the options change. */
static bool change_process(struct spec *spec, const struct exec_options *o, char **command,
			   GError **error)
{
	struct spec_process *p = &spec->process;

	g_strfreev(p->args);
	p->args = g_strdupv(command);
	p->no_new_privs |= o->no_new_privs;
	if (o->cwd) {
		g_free(p->cwd);
		p->cwd = g_strdup(o->cwd);
	}
	for (guint i = 0; i < o->env->len; i++) {
		g_auto(GStrv) kv = g_strsplit(o->env->pdata[i], "=", 2);

		p->env = g_environ_setenv(p->env, kv[0], kv[1], true);
	}
	for (guint i = 0; i < o->caps->len; i++) {
		uint64_t bit = 1ULL << caps_from_name(o->caps->pdata[i]);

		p->caps.bounding |= bit;
		p->caps.effective |= bit;
		p->caps.permitted |= bit;
	}
	if (o->user && !option_user(o->user, &p->uid, &p->gid, error))
		return false;
	return add_groups(p, o->gids, error);
}

static void set_string(char **where, const char *value)
{
	if (!value)
		return;
	g_free(*where);
	*where = g_strdup(value);
}

static struct spec *make_spec(struct known *k, const struct exec_options *o, char **command,
			      GError **error)
{
	autospec spec = spec_from_json(json_incref(k->config), known_bundle(k), error);

	if (!spec)
		return NULL;
	if (o->process ? !read_process(spec, o->process, error)
		       : !change_process(spec, o, command, error))
		return NULL;
	if (o->process && command[0]) {
		g_strfreev(spec->process.args);
		spec->process.args = g_strdupv(command);
	}
	set_string(&spec->process.apparmor_profile, o->apparmor);
	set_string(&spec->process.selinux_label, o->label);
	return g_steal_pointer(&spec);
}

static bool check_state(struct known *k, bool ignore_paused, GError **error)
{
	const char *now = state_status(k->dir_fd, &k->record);

	if (strcmp(now, "stopped") == 0)
		return error_set(error, "container \"%s\" is not running: container not running",
				 k->id);
	if (!ignore_paused && strcmp(now, "paused") == 0)
		return error_set(
			error,
			"cannot exec in a paused container; `cloister resume %s` lets it go "
			"on",
			k->id);
	return true;
}

/* As at the start: its pipes are the command's own. */
static void own_stdio(const struct known *k, const struct exec *e)
{
	json_t *ids = json_object_get(k->state, "ids");
	uid_t uid = json_integer_value(json_object_get(ids, "base")) + e->spec->process.uid;

	for (int i = 0; i < 3; i++)
		if (!e->pty[i])
			console_own(e->stdio[i], uid);
}

/* Report @error; Return: the exit status that the caller expects. */
static int failure(const GError *error, bool engines)
{
	int status = launcher_fail(error);

	return engines ? EXIT_NOT_STARTED : status;
}

static int run(struct exec *e, const struct exec_options *o, bool engines)
{
	g_autoptr(GError) error = NULL;
	struct foreground f = { 0 };
	bool detach = o->common.detach;

	if (!detach)
		foreground_prepare();
	if (!exec_start(e, &error))
		return failure(error, engines);
	if ((o->common.console_socket && e->console >= 0 &&
	     !bundle_hand_over("--console-socket", o->common.console_socket, "/dev/pts/0",
			       e->console, &error)) ||
	    !bundle_hand_over("--pidfd-socket", o->common.pidfd_socket, "setns", e->pidfd,
			      &error) ||
	    !bundle_write_pid(o->common.pid_file, e->pid, &error)) {
		exec_abort(e);
		return failure(error, engines);
	}
	if (detach)
		return 0;
	f.pid = e->pid;
	f.pidfd = e->pidfd;
	f.console = o->common.console_socket ? -1 : e->console;
	if (f.console >= 0)
		memcpy(f.pty, e->pty, sizeof(f.pty));
	return foreground_run(&f);
}

static bool choose_stdio(struct exec *e, const struct exec_options *o, GError **error)
{
	bool terminal = e->spec->process.terminal;
	const char *problem = NULL;

	if (o->process || o->common.console_socket || o->common.detach) {
		terminal |= o->tty;
		if (terminal && o->common.detach && !o->common.console_socket)
			return error_set(error,
					 "a detached terminal: give --console-socket to take it");
		bundle_give_stdio(terminal, e->stdio, e->pty);
		return true;
	}
	if (!foreground_choose(o->tty, false, e->pty, e->stdio, &problem))
		return error_set(error, "%s", problem);
	if ((e->pty[0] || e->pty[1] || e->pty[2]) &&
	    !g_environ_getenv(e->spec->process.env, "TERM"))
		e->spec->process.env = g_environ_setenv(e->spec->process.env, "TERM", "xterm",
							true);
	return true;
}

static int do_exec(struct exec_options *o, const char *id, char **command)
{
	g_autoptr(GError) error = NULL;
	struct exec e = { .id = id };
	autospec spec = NULL;
	bool ok, engines;
	struct known k;
	int status;

	ok = bundle_check_fds(&o->common.preserve_fds, &error);
	ok = known_open(&k, id, true, ok ? &error : NULL) && ok &&
	     check_state(&k, o->ignore_paused, &error);
	if (ok)
		spec = make_spec(&k, o, command, &error);
	e.spec = spec;
	e.inside = state_inside(k.state);
	e.root_fd = k.root_fd;
	e.preserve_fds = o->common.preserve_fds;
	/* A container of `create` or `run`, or a caller that speaks like an engine. */
	engines = o->process || o->common.detach || (k.dir_fd >= 0 && !k.record.auto_remove);
	e.keep_limits = ok && !k.record.auto_remove;
	if (!spec || !choose_stdio(&e, o, &error)) {
		status = failure(error, engines);
	} else {
		if (o->process)
			own_stdio(&k, &e);
		status = run(&e, o, engines);
	}
	known_close(&k);
	return status;
}

static int parse(struct exec_options *o, int argc, char **argv)
{
	g_autoptr(GError) error = NULL;
	char **name, **command;
	int c;

	while ((c = flags_getopt(argc, argv, "+tdip:u:e:c:g:h", long_options)) != -1) {
		if (c == 'h') {
			print_help();
			return 0;
		}
		if (c == '?')
			return launcher_bad_option("exec", argv);
		if (!parse_option(o, c, optarg, &error))
			return launcher_fail(error);
	}
	name = argv + optind;
	command = name[0] ? name + 1 : name;
	/* "exec NAME -- COMMAND" is what hands do that know kubectl. */
	if (command[0] && strcmp(command[0], "--") == 0)
		command++;
	if (!name[0] || (!command[0] && !o->process))
		return launcher_usage_error("exec", "give the name of a container and a command");
	return do_exec(o, name[0], command);
}

/**
 * cmd_exec() - `cloister exec`
 */
int cmd_exec(int argc, char **argv)
{
	struct exec_options o = { .env = g_ptr_array_new(),
				  .caps = g_ptr_array_new(),
				  .gids = g_ptr_array_new() };
	int status = parse(&o, argc, argv);

	g_ptr_array_unref(o.env);
	g_ptr_array_unref(o.caps);
	g_ptr_array_unref(o.gids);
	return status;
}
