/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `cloister create` and `cloister run`: a container from a bundle, as engines ask for it.
 */
#include "config.h"
#include "launcher/launcher.h"

#include "launcher/flags.h"
#include "launcher/bundle.h"
#include "launcher/foreground.h"
#include "launcher/log.h"
#include "launcher/options.h"
#include "lib/rundir.h"
#include "runtime/console.h"
#include "runtime/container.h"
#include "runtime/error.h"
#include "runtime/hooks.h"
#include "runtime/spec.h"
#include "runtime/state.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
	OPT_CONSOLE = 256,
	OPT_PIDFD,
	OPT_PID_FILE,
	OPT_PRESERVE,
	OPT_KEEP,
	OPT_ACCEPTED,
};

static const struct option long_options[] = {
	{ "bundle", required_argument, NULL, 'b' },
	{ "config", required_argument, NULL, 'f' },
	{ "console-socket", required_argument, NULL, OPT_CONSOLE },
	{ "pidfd-socket", required_argument, NULL, OPT_PIDFD },
	{ "pid-file", required_argument, NULL, OPT_PID_FILE },
	{ "preserve-fds", required_argument, NULL, OPT_PRESERVE },
	{ "detach", no_argument, NULL, 'd' },
	{ "keep", no_argument, NULL, OPT_KEEP },
	{ "no-pivot", no_argument, NULL, OPT_ACCEPTED },
	{ "no-new-keyring", no_argument, NULL, OPT_ACCEPTED },
	{ "no-subreaper", no_argument, NULL, OPT_ACCEPTED },
	{ "help", no_argument, NULL, 'h' },
	{ 0 },
};

static void print_help(bool run)
{
	printf("Usage: cloister %s [OPTION]… ID\n\n"
	       "%s\n\n"
	       "  -b, --bundle DIR       directory with config.json (default: this one)\n"
	       "  -f, --config FILE      read FILE in the place of config.json\n"
	       "  --console-socket PATH  send the terminal's master to this socket\n"
	       "  --pidfd-socket PATH    send a pidfd of the first process to this socket\n"
	       "  --pid-file FILE        write the first process's pid to FILE\n"
	       "  --preserve-fds N       pass on descriptors 3 to 2+N\n"
	       "%s"
	       "  --no-pivot, --no-new-keyring, --no-subreaper\n"
	       "                         accepted; a container has its own root and keyring\n"
	       "  --help                 show this text\n",
	       run ? "run" : "create",
	       run ? "Create a container from a bundle, start it and stay with it until it ends."
		   : "Create a container from a bundle; `cloister start ID` starts it.",
	       run ? "  -d, --detach           return when the command runs\n"
		     "  --keep                 keep the stopped container until `cloister delete`\n"
		   : "");
}

static bool parse_option(struct bundle_options *o, int c, const char *arg, GError **error)
{
	switch (c) {
	case 'b':
		o->bundle = arg;
		return true;
	case 'f':
		o->config = arg;
		return true;
	case OPT_CONSOLE:
		o->console_socket = arg;
		return true;
	case OPT_PIDFD:
		o->pidfd_socket = arg;
		return true;
	case OPT_PID_FILE:
		o->pid_file = arg;
		return true;
	case OPT_PRESERVE:
		return bundle_number("--preserve-fds", arg, INT_MAX, &o->preserve_fds, error);
	case 'd':
		o->detach = !arg;
		return true;
	case OPT_KEEP:
		o->keep = !arg;
		return true;
	default:
		return true;
	}
}

/* Say what of @warnings is new since the first @from. */
static void warn(const GPtrArray *warnings, guint from)
{
	for (guint i = from; warnings && i < warnings->len; i++)
		log_warning("%s", (char *)warnings->pdata[i]);
}

/* From then on the terminal is the engine's alone: nobody else reads it. */
static bool hand_over(struct container *c, const struct bundle_options *o, GError **error)
{
	if (c->console < 0 || !o->console_socket)
		return true;
	if (!bundle_hand_over("--console-socket", o->console_socket, "/dev/pts/0", c->console,
			      error))
		return false;
	close(c->console);
	c->console = -1;
	return true;
}

/* Bring it to where `start` goes on; what the caller is to get of it is there when we return. */
static bool create(struct container *c, const struct bundle_options *o, GError **error)
{
	const GPtrArray *warnings = c->spec->process.warnings;
	guint known = warnings ? warnings->len : 0;

	if (!container_create(c, error))
		return false;
	warn(warnings, known);
	if (hand_over(c, o, error) &&
	    bundle_hand_over("--pidfd-socket", o->pidfd_socket, "standard", c->pidfd, error) &&
	    bundle_write_pid(o->pid_file, c->pid, error))
		return true;
	container_end(c);
	return false;
}

static bool prepare(struct container *c, struct bundle_options *o, struct spec **spec,
		    GError **error)
{
	g_autofree char *bundle = option_path("bundle", o->bundle ?: ".", error), *path = NULL;

	if (!bundle || !bundle_check_fds(&o->preserve_fds, error))
		return false;
	if (!rundir_valid_id(c->id))
		return error_set(error,
				 "container ID \"%s\": use letters, digits and \"_+-.\", not a dot "
				 "first, at most %d characters",
				 c->id, RUNDIR_ID_MAX);
	path = g_build_filename(bundle, "config.json", NULL);
	if (!o->config && access(path, F_OK) < 0 && errno == ENOENT)
		return error_set(error,
				 "open \"%s\": No such file or directory; give --bundle DIR, or "
				 "make one with `cloister spec`",
				 path);
	*spec = spec_load(bundle, o->config ?: "config.json", error);
	if (!*spec)
		return false;
	warn((*spec)->warnings, 0);
	c->spec = *spec;
	c->settings = launcher_settings;
	c->state_dir = launcher_root;
	c->preserve_fds = o->preserve_fds;
	c->keep_limits = true;
	bundle_give_stdio(c->spec->process.terminal, c->stdio, c->pty);
	c->root_fd = launcher_open_root(error);
	return c->root_fd >= 0;
}

static int do_create(struct container *c, const struct bundle_options *o)
{
	g_autoptr(GError) error = NULL;

	c->deferred = true;
	if (c->spec->process.terminal && !o->console_socket) {
		error_set(&error, "process.terminal: give --console-socket to take the terminal");
		return launcher_fail(error);
	}
	if (!c->spec->process.terminal && o->console_socket) {
		error_set(&error, "--console-socket: process.terminal is not set");
		return launcher_fail(error);
	}
	if (!create(c, o, &error))
		return launcher_fail(error);
	if (!container_detach(c, &error)) {
		container_end(c);
		return launcher_fail(error);
	}
	container_close(c);
	return 0;
}

static int stay(struct container *c, const struct bundle_options *o)
{
	struct foreground f = { .pid = c->pid,
				.pidfd = c->pidfd,
				.console = c->console,
				.cgroups = &c->cgroups,
				.pid1 = true };
	g_autofree char *state = state_text(c->spec, c->id, "stopped", 0);
	g_autoptr(GError) error = NULL;
	int status;

	memcpy(f.pty, c->pty, sizeof(f.pty));
	status = foreground_run(&f);
	c->reaped = true;
	if (o->keep)
		container_detach(c, &error);
	else
		container_end(c);
	if (!o->keep && !hooks_run_all(c->spec, SPEC_HOOK_POSTSTOP, state, &error))
		log_warning("%s", error->message);
	container_close(c);
	return status;
}

/* As a shell has it: whoever runs a command wants to know if it was there. */
static int run_failed(const GError *error)
{
	int status = error_exit_status(error), other = launcher_fail(error);

	return status == EXIT_NOT_FOUND || status == EXIT_NOT_EXECUTABLE ? status : other;
}

static int do_run(struct container *c, const struct bundle_options *o)
{
	g_autoptr(GError) error = NULL;
	g_autofree char *state = NULL;

	c->bound = !o->detach;
	c->deferred = o->detach;
	if (o->detach && c->spec->process.terminal && !o->console_socket) {
		error_set(&error, "process.terminal: with --detach give --console-socket");
		return launcher_fail(error);
	}
	if (!o->detach)
		foreground_prepare();
	if (!create(c, o, &error))
		return run_failed(error);
	state = state_text(c->spec, c->id, "running", c->pid);
	if (!(c->deferred ? container_start_created(c->root_fd, c->id, &error)
			  : container_start(c, &error)) ||
	    !hooks_run(c->spec, SPEC_HOOK_POSTSTART, state, -1, false, &error) ||
	    (o->detach && !container_detach(c, &error))) {
		container_end(c);
		return run_failed(error);
	}
	if (!o->detach)
		return stay(c, o);
	container_close(c);
	return 0;
}

/* containerd's library writes this one so. */
static void accept_single_dash(int argc, char **argv)
{
	static char option[] = "--no-subreaper";

	for (int i = 1; i < argc; i++)
		if (strcmp(argv[i], option + 1) == 0)
			argv[i] = option;
}

static int main_of(bool run, int argc, char **argv)
{
	const char *name = run ? "run" : "create";
	struct bundle_options o = { 0 };
	g_autoptr(GError) error = NULL;
	struct container c = { .root_fd = -1, .systemd_cgroup = launcher_systemd_cgroup };
	autospec spec = NULL;
	int opt, status;

	accept_single_dash(argc, argv);
	while ((opt = flags_getopt(argc, argv, run ? "+b:f:dh" : "+b:f:h", long_options)) != -1) {
		if (opt == 'h') {
			print_help(run);
			return 0;
		}
		if (opt == '?' || (!run && (opt == 'd' || opt == OPT_KEEP)))
			return launcher_bad_option(name, argv);
		if (!parse_option(&o, opt, optarg, &error))
			return launcher_fail(error);
	}
	if (argc - optind != 1)
		return launcher_usage_error(name, "give one container ID");
	c.id = argv[optind];
	if (!prepare(&c, &o, &spec, &error))
		return launcher_fail(error);
	status = run ? do_run(&c, &o) : do_create(&c, &o);
	close(c.root_fd);
	return status;
}

/**
 * cmd_create() - `cloister create`
 */
int cmd_create(int argc, char **argv)
{
	return main_of(false, argc, argv);
}

/**
 * cmd_run() - `cloister run`
 */
int cmd_run(int argc, char **argv)
{
	return main_of(true, argc, argv);
}
