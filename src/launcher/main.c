/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cloister: one command, and out. Options before the command are common to all.
 */
#include "config.h"
#include "launcher/launcher.h"

#include "launcher/flags.h"
#include "launcher/log.h"
#include "lib/rundir.h"
#include "lib/sys.h"
#include "runtime/error.h"
#include "runtime/init.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char *launcher_root = RUNDIR_DEFAULT;
const char *launcher_settings;
bool launcher_systemd_cgroup;
/* The command is one of an OCI runtime: what fails without a status of its own gives 1, not 125. */
static bool oci;

/* What other runtimes have and Cloister has not: engines ask, and look at the exit status. */
static int cmd_refused(int argc, char **argv)
{
	(void)argc;
	log_error("%s: containers cannot be checkpointed: CRIU does not know their emulated files",
		  argv[0]);
	return EXIT_FAILURE;
}

static const struct command {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *summary;
	bool oci; /* fails with status 1, as the runtimes do whose place it takes */
} commands[] = {
	{ "launch", cmd_launch, "run a command in a new container", false },
	{ "exec", cmd_exec, "run a command in a container that runs", false },
	{ "create", cmd_create, "create a container from a bundle", true },
	{ "start", cmd_start, "start a created container", true },
	{ "run", cmd_run, "create and start a container from a bundle", true },
	{ "state", cmd_state, "print a container's state", true },
	{ "kill", cmd_kill, "send a signal to a container's first process", true },
	{ "delete", cmd_delete, "remove a container and everything of it", true },
	{ "list", cmd_list, "show the containers", true },
	{ "status", cmd_status, "show how a container is isolated, and its helpers", false },
	{ "spec", cmd_spec, "write a config.json to begin with", true },
	{ "features", cmd_features, "show which parts of the specification work", true },
	{ "check", cmd_check, "show what this kernel and host can do", false },
	{ "pause", cmd_pause, "stop all processes of a container", true },
	{ "resume", cmd_resume, "let the processes of a paused container go on", true },
	{ "reload", cmd_reload, "replace a container's helpers by those installed now", false },
	{ "update", cmd_update, "change the limits of a container that runs", true },
	{ "ps", cmd_ps, "show the processes of a container", true },
	{ "events", cmd_events, "show what a container uses, and when memory runs out", true },
	{ "policy", cmd_policy, "show, check and try what the administrator allows", false },
	{ "checkpoint", cmd_refused, "refused", true },
	{ "restore", cmd_refused, "refused", true },
	{ "docker-setup", cmd_docker_setup, "make Docker use Cloister, or stop it", true },
	{ "containerd-setup", cmd_containerd_setup, "the same for containerd's CRI", true },
	{ "podman-setup", cmd_podman_setup, "the same for Podman", true },
};

static void print_help(FILE *to)
{
	fprintf(to,
		"Usage: cloister [--root DIR] COMMAND [OPTION]… [ARGUMENT]…\n\n"
		"Containers in cells of their own: an exclusive range of user ids, views of /proc "
		"and\n"
		"/sys of their own, and mounts that even their root cannot loosen.\n\n"
		"Commands:\n");
	for (size_t i = 0; i < G_N_ELEMENTS(commands); i++)
		fprintf(to, "  %-16s %s\n", commands[i].name, commands[i].summary);
	fprintf(to,
		"\nOptions:\n"
		"  --root DIR             keep state in DIR (default %s)\n"
		"  --settings FILE        read the policy from FILE, unless the usual one is "
		"locked\n"
		"  --log FILE             write errors to FILE too, and warnings there alone\n"
		"  --log-format FORMAT    text or json\n"
		"  --log-level LEVEL      error, warning or debug\n"
		"  --debug                the same as --log-level debug\n"
		"  --systemd-cgroup       cgroupsPath is SLICE:PREFIX:NAME, made by systemd\n"
		"  --cgroup-manager NAME  cgroupfs, systemd or disabled\n"
		"  --rootless, --criu     of other runtimes: accepted, without effect\n"
		"  --help                 show this text; `cloister help COMMAND` shows that of a "
		"command\n"
		"  --version              show the version\n\n"
		"Try: sudo cloister launch -- bash\n",
		RUNDIR_DEFAULT);
}

/**
 * launcher_fail() - report @error on one line, to the log too; Return: the exit status it asks for
 */
int launcher_fail(const GError *error)
{
	int status = error_exit_status(error);

	log_error("%s", error ? error->message : "unknown error");
	return oci ? EXIT_FAILURE : status;
}

/**
 * launcher_usage_error() - report a wrong use of @command; Return: 125
 */
int launcher_usage_error(const char *command, const char *format, ...)
{
	g_autofree char *text = NULL;
	va_list args;

	va_start(args, format);
	text = g_strdup_vprintf(format, args);
	va_end(args);
	log_error("%s: %s; try `cloister %s --help`", command, text, command);
	return oci ? EXIT_FAILURE : EXIT_USAGE;
}

/* Is the option in question one of the letters of @word? */
static bool in_cluster(const char *word)
{
	return optopt > 0 && optopt < 128 && word && word[0] == '-' && word[1] != '-' &&
	       strchr(word + 1, optopt);
}

/* What getopt_long() did not like of @word: it leaves the option in optopt if it knows it. */
static const char *option_trouble(const char *word, bool is_letter)
{
	if (is_letter)
		return "is unknown or lacks its value";
	if (!optopt)
		return "is unknown, or short for more than one";
	return strchr(word, '=') ? "takes no value but true and false" : "lacks its value";
}

/**
 * launcher_bad_option() - report what getopt_long() did not like; Return: 125
 */
int launcher_bad_option(const char *command, char **argv)
{
	char letter[] = { '-', (char)optopt, '\0' };
	/* getopt_long() goes on to the next word only when it has seen the last letter */
	bool is_letter = in_cluster(argv[optind]) || in_cluster(argv[optind - 1]);
	const char *word = is_letter ? letter : argv[optind - 1];
	const char *of = command ?: "", *instead = suggest_option(command, word);

	if (instead)
		log_error("%s: option \"%s\" is not there: %s", of, word, instead);
	else
		log_error("%s%soption \"%s\" %s; try `cloister%s%s --help`", of,
			  command ? ": " : "", word, option_trouble(word, is_letter),
			  command ? " " : "", of);
	return oci ? EXIT_FAILURE : EXIT_USAGE;
}

/**
 * launcher_open_root() - open the state root, or -1 and *@error
 */
int launcher_open_root(GError **error)
{
	int fd;

	if (geteuid() != 0) {
		error_set(error, "needs root privileges; use sudo");
		return -1;
	}
	fd = rundir_open(launcher_root);
	if (fd == -EPERM)
		error_set(
			error,
			"state directory \"%s\" is writable for others; remove it or choose --root",
			launcher_root);
	else if (fd < 0)
		error_set_errno(error, fd, "open state directory \"%s\"", launcher_root);
	return fd < 0 ? -1 : fd;
}

/**
 * launcher_age() - a duration for people: "12s", "5m", "3h", "2d"
 */
char *launcher_age(int64_t seconds)
{
	if (seconds < 60)
		return g_strdup_printf("%" G_GINT64_FORMAT "s", MAX(seconds, 0));
	if (seconds < 3600)
		return g_strdup_printf("%" G_GINT64_FORMAT "m", seconds / 60);
	if (seconds < 86400)
		return g_strdup_printf("%" G_GINT64_FORMAT "h", seconds / 3600);
	return g_strdup_printf("%" G_GINT64_FORMAT "d", seconds / 86400);
}

static const char *command_name(size_t i)
{
	return i < G_N_ELEMENTS(commands) ? commands[i].name : NULL;
}

static int unknown_command(const char *word)
{
	const char *meant = suggest_command(word, command_name);

	if (meant)
		log_error("unknown command \"%s\"; did you mean `cloister %s`?", word, meant);
	else
		log_error("unknown command \"%s\"; try `cloister --help`", word);
	return EXIT_USAGE;
}

static int run_command(int argc, char **argv)
{
	for (size_t i = 0; i < G_N_ELEMENTS(commands); i++) {
		if (strcmp(argv[0], commands[i].name) != 0)
			continue;
		optind = 0; /* the command parses its own options from the start */
		oci = commands[i].oci;
		return commands[i].run(argc, argv);
	}
	return unknown_command(argv[0]);
}

/* What was printed has to arrive: a script that reads half of a list must not go on with it. */
static int flushed(int status)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return status;
	if (status == 0)
		log_error("standard output: %s", g_strerror(errno));
	return status ?: oci ? EXIT_FAILURE : EXIT_USAGE;
}

/* `cloister help [COMMAND]` */
static int help(const char *command)
{
	char *argv[] = { (char *)command, (char *)"--help", NULL };

	if (command && strcmp(command, "--help") != 0 && strcmp(command, "-h") != 0)
		return run_command(2, argv);
	print_help(stdout);
	return 0;
}

/* A caller without standard descriptors must not get one of ours in their place. */
static void ensure_stdio(void)
{
	int fd;

	do {
		fd = open("/dev/null", O_RDWR);
	} while (fd >= 0 && fd <= 2);
	if (fd > 2)
		close(fd);
}

enum {
	OPT_SETTINGS = 256,
	OPT_LOG,
	OPT_LOG_FORMAT,
	OPT_LOG_LEVEL,
	OPT_DEBUG,
	OPT_CGROUP_MANAGER,
	OPT_IGNORED
};

static bool set_cgroup_manager(const char *name)
{
	launcher_systemd_cgroup = strcmp(name, "systemd") == 0;
	if (launcher_systemd_cgroup || strcmp(name, "cgroupfs") == 0 ||
	    strcmp(name, "disabled") == 0)
		return true;
	log_error("--cgroup-manager \"%s\": give cgroupfs, systemd or disabled", name);
	return false;
}

/* Return: whether to go on; else *@status is the exit status. */
static bool global_option(int c, char **argv, int *status)
{
	*status = EXIT_USAGE;
	switch (c) {
	case 'r':
		launcher_root = optarg;
		return true;
	case OPT_SETTINGS:
		launcher_settings = optarg;
		return true;
	case OPT_LOG:
		return log_open(optarg);
	case OPT_LOG_FORMAT:
		return log_set_format(optarg);
	case OPT_LOG_LEVEL:
		return log_set_level(optarg);
	case OPT_DEBUG:
		return log_set_level(optarg ? "error" : "debug");
	case 's':
		launcher_systemd_cgroup = !optarg;
		return true;
	case OPT_CGROUP_MANAGER:
		return set_cgroup_manager(optarg);
	case OPT_IGNORED:
		return true;
	case 'h':
		print_help(stdout);
		*status = 0;
		return false;
	case 'v':
		/* dockerd reads the first two lines. */
		printf("cloister version %s\ncommit: v%s\nspec: %s\n", PACKAGE_VERSION,
		       PACKAGE_VERSION, LAUNCHER_SPEC_VERSION);
		*status = 0;
		return false;
	default:
		launcher_bad_option(NULL, argv);
		return false;
	}
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "root", required_argument, NULL, 'r' },
		{ "settings", required_argument, NULL, OPT_SETTINGS },
		{ "log", required_argument, NULL, OPT_LOG },
		{ "log-format", required_argument, NULL, OPT_LOG_FORMAT },
		{ "log-level", required_argument, NULL, OPT_LOG_LEVEL },
		{ "debug", no_argument, NULL, OPT_DEBUG },
		{ "systemd-cgroup", no_argument, NULL, 's' },
		{ "cgroup-manager", required_argument, NULL, OPT_CGROUP_MANAGER },
		/* Of other runtimes, and without a meaning here. */
		{ "rootless", required_argument, NULL, OPT_IGNORED },
		{ "criu", required_argument, NULL, OPT_IGNORED },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'v' },
		{ 0 },
	};
	int c, status;

	ensure_stdio();
	child_remember_command_line(argc, argv);
	sys_mind_children();
	opterr = 0; /* launcher_bad_option() says it in our own words */
	while ((c = flags_getopt(argc, argv, "+hvV", options)) != -1)
		if (!global_option(c == 'V' ? 'v' : c, argv, &status))
			return flushed(status);
	if (optind == argc) {
		print_help(stderr);
		return EXIT_USAGE;
	}
	if (launcher_root[0] != '/') {
		log_error("--root \"%s\": give an absolute path", launcher_root);
		return EXIT_USAGE;
	}
	if (strcmp(argv[optind], "help") == 0)
		return flushed(help(argv[optind + 1]));
	return flushed(run_command(argc - optind, argv + optind));
}
