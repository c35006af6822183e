/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cloister: one command, and out. Options before the command are common to all.
 */
#include "config.h"
#include "launcher/launcher.h"

#include "lib/rundir.h"
#include "runtime/error.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

const char *launcher_root = RUNDIR_DEFAULT;

static const struct command {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *summary;
} commands[] = {
	{ "launch", cmd_launch, "run a command in a new container" },
	{ "exec", cmd_exec, "run a command in a container that runs" },
	{ "kill", cmd_kill, "send a signal to a container's first process" },
	{ "delete", cmd_delete, "remove a container and everything of it" },
	{ "list", cmd_list, "show the containers" },
	{ "status", cmd_status, "show how a container is isolated, and its helpers" },
	{ "check", cmd_check, "show what this kernel and host can do" },
};

static void print_help(void)
{
	printf("Usage: cloister [--root DIR] COMMAND [OPTION]… [ARGUMENT]…\n\n"
	       "Containers in cells of their own: an exclusive range of user ids, views of /proc "
	       "and\n"
	       "/sys of their own, and mounts that even their root cannot loosen.\n\n"
	       "Commands:\n");
	for (size_t i = 0; i < G_N_ELEMENTS(commands); i++)
		printf("  %-8s %s\n", commands[i].name, commands[i].summary);
	printf("\nOptions:\n"
	       "  --root DIR  keep state in DIR (default %s)\n"
	       "  --help      show this text; `cloister COMMAND --help` shows that of a command\n"
	       "  --version   show the version\n\n"
	       "Try: sudo cloister launch -- bash\n",
	       RUNDIR_DEFAULT);
}

/**
 * launcher_fail() - report @error on one line; Return: the exit status it asks for
 */
int launcher_fail(const GError *error)
{
	fprintf(stderr, "cloister: %s\n", error ? error->message : "unknown error");
	return error_exit_status(error);
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
	fprintf(stderr, "cloister %s: %s; try `cloister %s --help`\n", command, text, command);
	return EXIT_USAGE;
}

/**
 * launcher_bad_option() - report what getopt_long() did not like; Return: 125
 */
int launcher_bad_option(const char *command, char **argv)
{
	const char *word = argv[optind - 1];
	const char *of = command ?: "";

	fprintf(stderr,
		"cloister%s%s: option \"%s\" is unknown, ambiguous or lacks its value; "
		"try `cloister%s%s --help`\n",
		command ? " " : "", of, word, command ? " " : "", of);
	return EXIT_USAGE;
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

static int run_command(int argc, char **argv)
{
	for (size_t i = 0; i < G_N_ELEMENTS(commands); i++) {
		if (strcmp(argv[0], commands[i].name) != 0)
			continue;
		optind = 0; /* the command parses its own options from the start */
		return commands[i].run(argc, argv);
	}
	fprintf(stderr, "cloister: unknown command \"%s\"; try `cloister --help`\n", argv[0]);
	return EXIT_USAGE;
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

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "root", required_argument, NULL, 'r' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'v' },
		{ 0 },
	};
	int c;

	ensure_stdio();
	opterr = 0; /* launcher_bad_option() says it in our own words */
	while ((c = getopt_long(argc, argv, "+hv", options, NULL)) != -1) {
		switch (c) {
		case 'r':
			launcher_root = optarg;
			break;
		case 'h':
			print_help();
			return 0;
		case 'v':
			printf("cloister %s\n", PACKAGE_VERSION);
			return 0;
		default:
			return launcher_bad_option(NULL, argv);
		}
	}
	if (optind == argc) {
		print_help();
		return EXIT_USAGE;
	}
	if (launcher_root[0] != '/') {
		fprintf(stderr, "cloister: --root \"%s\": give an absolute path\n", launcher_root);
		return EXIT_USAGE;
	}
	return run_command(argc - optind, argv + optind);
}
