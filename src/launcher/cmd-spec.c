/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `cloister spec`: a config.json to begin with.
 */
#include "config.h"
#include "launcher/launcher.h"

#include "launcher/flags.h"
#include "launcher/launchspec.h"
#include "lib/fd.h"
#include "runtime/error.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void print_help(void)
{
	printf("Usage: cloister spec [--bundle DIR] [--config FILE]\n\n"
	       "Write a specification that runs sh on the root file system in the directory\n"
	       "\"rootfs\" beside it. A file that exists is left alone.\n\n"
	       "  -b, --bundle DIR   write it in DIR instead of the working directory\n"
	       "  -f, --config FILE  name of the file (default config.json)\n"
	       "      --file FILE    the same\n"
	       "      --rootless     accepted: every container has a user namespace anyway\n"
	       "  --help             show this text\n");
}

/* What `launch --rootfs rootfs -t -- sh` would run, with the paths of a bundle. */
static json_t *make_spec(GError **error)
{
	static char *command[] = { (char *)"sh", NULL };
	g_autoptr(GPtrArray) none = g_ptr_array_new();
	struct launch_options o = {
		.rootfs = (char *)"rootfs",
		.hostname = (char *)"cloister",
		.volumes = none,
		.tmpfs = none,
		.env = none,
		.sysctls = none,
		.read_only = true,
		.command = command,
	};
	json_t *json = launchspec_make(&o, -1, true, error);

	if (json)
		json_object_set_new(json_object_get(json, "root"), "path", json_string("rootfs"));
	return json;
}

static bool write_new(int dir_fd, const char *name, const char *text, GError **error)
{
	autofd fd = openat(dir_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	int r;

	if (fd < 0 && errno == EEXIST)
		return error_set(error, "file \"%s\" exists; remove it first, or choose --config",
				 name);
	if (fd < 0)
		return error_set_errno(error, -errno, "make \"%s\"", name);
	r = fd_write_all(fd, text, strlen(text));
	if (r == 0)
		r = fd_write_all(fd, "\n", 1);
	if (r < 0)
		unlinkat(dir_fd, name, 0);
	return r == 0 || error_set_errno(error, r, "write \"%s\"", name);
}

static bool write_spec(const char *bundle, const char *name, GError **error)
{
	autofd dir = open(bundle, O_PATH | O_DIRECTORY | O_CLOEXEC);
	json_t *json;
	char *text;
	bool ok;

	if (dir < 0)
		return error_set_errno(error, -errno, "bundle \"%s\"", bundle);
	json = make_spec(error);
	if (!json)
		return false;
	text = json_dumps(json, JSON_INDENT(2));
	ok = write_new(dir, name, text, error);
	free(text);
	json_decref(json);
	return ok;
}

/**
 * cmd_spec() - `cloister spec`
 */
int cmd_spec(int argc, char **argv)
{
	static const struct option options[] = { { "bundle", required_argument, NULL, 'b' },
						 { "config", required_argument, NULL, 'f' },
						 { "file", required_argument, NULL, 'f' },
						 { "rootless", no_argument, NULL, 'r' },
						 { "help", no_argument, NULL, 'h' },
						 { 0 } };
	const char *bundle = ".", *name = "config.json";
	g_autoptr(GError) error = NULL;
	int c;

	while ((c = flags_getopt(argc, argv, "b:f:h", options)) != -1) {
		if (c == 'h') {
			print_help();
			return 0;
		}
		if (c == '?')
			return launcher_bad_option("spec", argv);
		if (c == 'b')
			bundle = optarg;
		else if (c == 'f')
			name = optarg;
	}
	if (optind < argc)
		return launcher_usage_error("spec", "takes no arguments");
	return write_spec(bundle, name, &error) ? 0 : launcher_fail(error);
}
