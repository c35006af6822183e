/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `cloister launch`: options to a specification, the specification to the runtime, and staying with
 * the container until it ends.
 */
#include "config.h"
#include "launcher/launcher.h"

#include "launcher/flags.h"
#include "launcher/foreground.h"
#include "launcher/launchspec.h"
#include "launcher/log.h"
#include "launcher/options.h"
#include "runtime/container.h"
#include "runtime/error.h"
#include "runtime/spec.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

enum {
	OPT_NAME = 256,
	OPT_ROOTFS,
	OPT_TMPFS,
	OPT_HOSTNAME,
	OPT_CPUS,
	OPT_CPUSET,
	OPT_PIDS,
	OPT_SYSCTL,
	OPT_READ_ONLY,
	OPT_PRIVILEGED,
	OPT_RM,
	OPT_ENV_FILE,
	OPT_CAP_ADD,
	OPT_CAP_DROP,
	OPT_NETWORK,
};

static const struct option long_options[] = {
	{ "name", required_argument, NULL, OPT_NAME },
	{ "rootfs", required_argument, NULL, OPT_ROOTFS },
	{ "volume", required_argument, NULL, 'v' },
	{ "tmpfs", required_argument, NULL, OPT_TMPFS },
	{ "hostname", required_argument, NULL, OPT_HOSTNAME },
	{ "memory", required_argument, NULL, 'm' },
	{ "cpus", required_argument, NULL, OPT_CPUS },
	{ "cpuset", required_argument, NULL, OPT_CPUSET },
	{ "pids", required_argument, NULL, OPT_PIDS },
	{ "env", required_argument, NULL, 'e' },
	{ "env-file", required_argument, NULL, OPT_ENV_FILE },
	{ "sysctl", required_argument, NULL, OPT_SYSCTL },
	{ "cap-add", required_argument, NULL, OPT_CAP_ADD },
	{ "cap-drop", required_argument, NULL, OPT_CAP_DROP },
	{ "network", required_argument, NULL, OPT_NETWORK },
	{ "workdir", required_argument, NULL, 'w' },
	{ "user", required_argument, NULL, 'u' },
	{ "read-only", no_argument, NULL, OPT_READ_ONLY },
	{ "privileged", no_argument, NULL, OPT_PRIVILEGED },
	{ "detach", no_argument, NULL, 'd' },
	{ "tty", no_argument, NULL, 't' },
	{ "interactive", no_argument, NULL, 'i' },
	{ "rm", no_argument, NULL, OPT_RM },
	{ "help", no_argument, NULL, 'h' },
	{ 0 },
};

static void print_help(void)
{
	printf("Usage: cloister launch [OPTION]… [--] COMMAND [ARGUMENT]…\n\n"
	       "Run a command in a new container. Without --rootfs it sees the host's /usr,\n"
	       "read-only, and everything else is private and thrown away at the end.\n\n"
	       "  --name NAME          name of the container (default: a random one)\n"
	       "  --rootfs DIR         directory tree that is the container's root\n"
	       "  -v, --volume SRC:DST[:OPTION,...]\n"
	       "                       show the host's SRC at DST; owners appear as on the host;\n"
	       "                       options: ro, shiftfs, as=USER, hide=PATH, cache=MODE\n"
	       "  --tmpfs DST[:OPTION,...]\n"
	       "                       an empty tmpfs of the container's own at DST;\n"
	       "                       options: size=SIZE, mode=MODE, nr_inodes=N, ro, noexec\n"
	       "  --hostname NAME      hostname inside (default: the container's name)\n"
	       "  -m, --memory SIZE    limit of memory, like 512m\n"
	       "  --cpus N             limit of CPU time, like 1.5\n"
	       "  --cpuset LIST        CPUs to run on, like 0-2,5\n"
	       "  --pids N             limit of processes and threads\n"
	       "  -e, --env KEY=VALUE  set an environment variable; KEY alone passes yours on,\n"
	       "                       none is inherited\n"
	       "  --env-file FILE      the same for each line of FILE\n"
	       "  --sysctl KEY=VALUE   set a sysctl of the container's own, see "
	       "cloister-sysctl(5)\n"
	       "  -w, --workdir DIR    working directory inside (default /)\n"
	       "  -u, --user UID[:GID] run as this user of the container (default root)\n"
	       "  --read-only          the root file system cannot be written\n"
	       "  --cap-add NAME       one capability more, inside; ALL for all\n"
	       "  --cap-drop NAME      one capability less; ALL for none but those added\n"
	       "  --privileged         all capabilities inside, no masks; none on the host\n"
	       "  --network none       a loopback device alone; always so\n"
	       "  -d, --detach         return when the command runs; print the name\n"
	       "  -t, --tty            give the command a terminal even if we have none\n"
	       "  -i, --interactive    standard input is the command's; always so\n"
	       "  --rm                 remove the container at its end; always so\n"
	       "  --help               show this text\n\n"
	       "Exit status: the command's; 128+n if signal n ended it; 125 if the container "
	       "could\n"
	       "not start, 126 if the command cannot be executed, 127 if it is not found.\n");
}

static void set_string(char **where, const char *value)
{
	g_free(*where);
	*where = g_strdup(value);
}

static bool check_network(const char *name, GError **error)
{
	if (strcmp(name, "none") == 0 || strcmp(name, "private") == 0)
		return true;
	if (strcmp(name, "host") == 0)
		return error_set(error,
				 "--network \"host\": containers can't share the host's network; "
				 "an engine gives them one of their own (doc/docker.md)");
	return error_set(error,
			 "--network \"%s\": here is none but a loopback device; an engine has "
			 "networks (doc/docker.md)",
			 name);
}

static bool parse_option(struct launch_options *o, int c, const char *arg, GError **error)
{
	switch (c) {
	case OPT_NAME:
		set_string(&o->name, arg);
		return true;
	case OPT_ROOTFS:
		set_string(&o->rootfs, arg);
		return true;
	case 'v':
		g_ptr_array_add(o->volumes, g_strdup(arg));
		return true;
	case OPT_TMPFS:
		g_ptr_array_add(o->tmpfs, g_strdup(arg));
		return true;
	case OPT_HOSTNAME:
		set_string(&o->hostname, arg);
		return true;
	case 'm':
		return option_size(arg, &o->memory, error);
	case OPT_CPUS:
		return option_cpus(arg, &o->cpu_quota, error);
	case OPT_CPUSET:
		set_string(&o->cpuset, arg);
		return option_cpuset(arg, error);
	case OPT_PIDS:
		return option_number("--pids", arg, 1, 4194304, &o->pids, error);
	case 'e':
		return option_env(o->env, arg, error);
	case OPT_ENV_FILE:
		return option_env_file(o->env, arg, error);
	case OPT_CAP_ADD:
		return option_caps("--cap-add", arg, &o->caps_add, error);
	case OPT_CAP_DROP:
		return option_caps("--cap-drop", arg, &o->caps_drop, error);
	case OPT_NETWORK:
		return check_network(arg, error);
	case OPT_SYSCTL:
		return option_pair(o->sysctls, "--sysctl", arg, error);
	case 'w':
		set_string(&o->workdir, arg);
		return true;
	case 'u':
		return option_user(arg, &o->uid, &o->gid, error);
	case OPT_READ_ONLY:
		o->read_only = !arg;
		return true;
	case OPT_PRIVILEGED:
		o->privileged = !arg;
		return true;
	case 'd':
		o->detach = !arg;
		return true;
	case 't':
		o->tty = !arg;
		return true;
	/* Habits of `docker run`: here it is always so. */
	case 'i':
		return !arg || error_set(error, "--interactive=false: give it </dev/null instead");
	case OPT_RM:
		return !arg || error_set(error, "--rm=false: nothing of a container stays; "
						"`cloister create` makes those that do");
	default:
		return error_set(error, "unknown option");
	}
}

static bool check_options(struct launch_options *o, GError **error)
{
	uint32_t number;

	if (!o->name) {
		if (getrandom(&number, sizeof(number), 0) != sizeof(number))
			return error_set(error, "no random number for a name; give --name");
		o->name = g_strdup_printf("cell-%08x", number);
	}
	if (!rundir_valid_id(o->name))
		return error_set(
			error,
			"--name \"%s\": use letters, digits and \"_+-.\", not a dot first, "
			"at most %d characters",
			o->name, RUNDIR_ID_MAX);
	if (!o->hostname)
		o->hostname = g_strndup(o->name, 63);
	if (!*o->hostname || strlen(o->hostname) > 64)
		return error_set(error, "--hostname \"%s\": 1 to 64 characters", o->hostname);
	/* "$UNSET" must not make the current directory a root, and writable */
	if (o->rootfs && !*o->rootfs)
		return error_set(error, "--rootfs \"\": give a directory tree");
	if (o->workdir && o->workdir[0] != '/')
		return error_set(error, "--workdir \"%s\": give an absolute path", o->workdir);
	if (!o->command[0])
		return error_set(error, "no command given; try `cloister launch -- bash`");
	return true;
}

static void options_clear(struct launch_options *o)
{
	char **strings[] = { &o->name, &o->rootfs, &o->hostname, &o->workdir, &o->cpuset };

	for (size_t i = 0; i < G_N_ELEMENTS(strings); i++)
		g_clear_pointer(strings[i], g_free);
	g_ptr_array_unref(o->volumes);
	g_ptr_array_unref(o->tmpfs);
	g_ptr_array_unref(o->env);
	g_ptr_array_unref(o->sysctls);
}

static int stay(struct container *c)
{
	struct foreground f = { .pid = c->pid,
				.pidfd = c->pidfd,
				.console = c->console,
				.cgroups = &c->cgroups,
				.pid1 = true };
	int status;

	memcpy(f.pty, c->pty, sizeof(f.pty));
	status = foreground_run(&f);
	c->reaped = true;
	container_end(c);
	return status;
}

static int run(struct container *c, const struct launch_options *o)
{
	g_autoptr(GError) error = NULL;

	if (!container_create(c, &error))
		return launcher_fail(error);
	for (guint i = 0; c->spec->process.warnings && i < c->spec->process.warnings->len; i++)
		log_warning("%s", (char *)c->spec->process.warnings->pdata[i]);
	if (!container_start(c, &error)) {
		container_end(c);
		return launcher_fail(error);
	}
	if (!o->detach)
		return stay(c);
	if (!container_detach(c, &error))
		return launcher_fail(error);
	printf("%s\n", c->id);
	container_close(c);
	return 0;
}

static int launch(struct launch_options *o)
{
	g_autoptr(GError) error = NULL;
	struct container c = { .bound = !o->detach,
			       .auto_remove = true,
			       .own_tree = !o->rootfs,
			       .settings = launcher_settings,
			       .state_dir = launcher_root,
			       .systemd_cgroup = launcher_systemd_cgroup };
	const char *problem = NULL;
	autospec spec = NULL;
	json_t *json;
	int status;

	if (!check_options(o, &error))
		return launcher_fail(error);
	if (!foreground_choose(o->tty, o->detach, c.pty, c.stdio, &problem)) {
		error_set(&error, "%s", problem);
		return launcher_fail(error);
	}
	c.id = o->name;
	c.root_fd = launcher_open_root(&error);
	if (c.root_fd < 0)
		return launcher_fail(error);
	json = launchspec_make(o, c.root_fd, c.pty[0] || c.pty[1] || c.pty[2], &error);
	if (json)
		spec = spec_from_json(json, "/", &error);
	if (!spec)
		return launcher_fail(error);
	c.spec = spec;
	foreground_prepare();
	status = run(&c, o);
	close(c.root_fd);
	return status;
}

/**
 * cmd_launch() - `cloister launch`
 */
int cmd_launch(int argc, char **argv)
{
	g_autoptr(GError) error = NULL;
	struct launch_options o = { .volumes = g_ptr_array_new_with_free_func(g_free),
				    .tmpfs = g_ptr_array_new_with_free_func(g_free),
				    .env = g_ptr_array_new_with_free_func(g_free),
				    .sysctls = g_ptr_array_new_with_free_func(g_free) };
	int c, status = -1;

	while (status < 0 &&
	       (c = flags_getopt(argc, argv, "+v:m:e:w:u:dtih", long_options)) != -1) {
		if (c == 'h') {
			print_help();
			status = 0;
		} else if (c == '?') {
			status = launcher_bad_option("launch", argv);
		} else if (!parse_option(&o, c, optarg, &error)) {
			status = launcher_fail(error);
		}
	}
	o.command = argv + optind;
	if (status < 0)
		status = launch(&o);
	options_clear(&o);
	return status;
}
