/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cloister-fs: options and start. The warden starts this program; nobody types these options.
 */
#include "config.h"
#include "pids.h"
#include "server.h"
#include "standalone.h"
#include "survive.h"

#include <getopt.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/sysinfo.h>
#include <unistd.h>

enum opt {
	FUSE_FD = 256,
	VALUES_FD,
	ASK_FD,
	INIT_FD,
	READY_FD,
	OWNER,
	BOOT_OFFSET,
	RESUME,
	NO_RESEND,
	NAME,
	THREADS,
	SOURCE,
	HELP,
	VERSION_
};

static const struct option options[] = { { "fuse-fd", required_argument, NULL, FUSE_FD },
					 { "values-fd", required_argument, NULL, VALUES_FD },
					 { "ask-fd", required_argument, NULL, ASK_FD },
					 { "init-fd", required_argument, NULL, INIT_FD },
					 { "ready-fd", required_argument, NULL, READY_FD },
					 { "owner", required_argument, NULL, OWNER },
					 { "boot-offset", required_argument, NULL, BOOT_OFFSET },
					 { "resume", no_argument, NULL, RESUME },
					 { "no-resend", no_argument, NULL, NO_RESEND },
					 { "name", required_argument, NULL, NAME },
					 { "threads", required_argument, NULL, THREADS },
					 { "source", required_argument, NULL, SOURCE },
					 { "help", no_argument, NULL, HELP },
					 { "version", no_argument, NULL, VERSION_ },
					 { 0 } };

static const char help[] =
	"Usage: cloister-fs [-f] --pid PID [-o OPTIONS] MOUNTPOINT\n"
	"       cloister-fs [-f] --cgroup PATH [-o OPTIONS] MOUNTPOINT\n"
	"       cloister-fs --fuse-fd N --values-fd N --init-fd N --ready-fd N --owner UID:GID\n"
	"                   --boot-offset NSEC [--ask-fd N] [--resume] [--name ID] [--threads N]\n"
	"                   --source NAME:FD ...\n"
	"Serve the emulated /proc and /sys files of one container.\n"
	"\n"
	"On a mount point, for a container that anybody runs; umount(8) ends it:\n"
	"  --pid PID            that of its first process\n"
	"  --cgroup PATH        its cgroup, as in /proc/PID/cgroup\n"
	"  -o OPTIONS           as in fstab: pid=PID, cgroup=PATH, ro; generic ones are accepted\n"
	"  -f, --foreground     stay in the foreground, and unmount when interrupted\n"
	"\n"
	"Started by cloister-warden:\n"
	"  --fuse-fd N          connection of the mounted file system (/dev/fuse)\n"
	"  --values-fd N        file that holds the container's own sysctl values\n"
	"  --ask-fd N           socket to the warden, for sysctls that the host shares\n"
	"  --init-fd N          memfd that holds what a successor has to know\n"
	"  --ready-fd N         gets one byte when the file system can be used, and is closed\n"
	"  --owner UID:GID      owner of all files\n"
	"  --boot-offset NSEC   CLOCK_BOOTTIME of the host at the container's start\n"
	"  --resume             go on for a server that died on the same connection\n"
	"  --no-resend          never have the kernel repeat requests, as it cannot before 6.9\n"
	"  --name ID            container, for messages and process lists\n"
	"  --threads N          at most N workers; default: number of CPUs\n"
	"  --source NAME:FD     a file that views are derived from; may be repeated\n"
	"  --help, --version    show this, or the version, and exit\n";

static const char *container = "";

static int complain(const char *what, const char *object, int err)
{
	fprintf(stderr, "cloister-fs:%s%s %s%s%s%s%s\n", *container ? " " : "", container, what,
		object ? ": " : "", object ? object : "", err ? ": " : "",
		err ? strerror(err) : "");
	return 1;
}

/* A whole decimal number of at most @max at @s, up to @end; false otherwise. */
static bool number(const char *s, char end, uint64_t max, uint64_t *ret)
{
	return parse_u64(&s, ret) && *s == end && *ret <= max;
}

static bool parse_owner(struct server *s, const char *arg)
{
	const char *colon = strchr(arg, ':');
	uint64_t uid, gid;

	if (!colon || !number(arg, ':', UINT32_MAX - 1, &uid) ||
	    !number(colon + 1, '\0', UINT32_MAX - 1, &gid))
		return false;
	s->uid = uid;
	s->gid = gid;
	return true;
}

static bool parse_source(struct server *s, char *arg)
{
	char *colon = strchr(arg, ':');
	uint64_t fd;

	if (!colon || !number(colon + 1, '\0', INT32_MAX, &fd))
		return false;
	*colon = '\0';
	return facts_add(&s->facts, arg, fd) == 0;
}

static bool parse_fd(int *fd, const char *arg)
{
	uint64_t v;

	if (!number(arg, '\0', INT32_MAX, &v))
		return false;
	*fd = v;
	return true;
}

/* Return: whether the option's argument is good. */
static bool parse_option(struct server *s, int opt, char *arg)
{
	uint64_t v;

	switch (opt) {
	case FUSE_FD:
		return parse_fd(&s->fuse_fd, arg);
	case VALUES_FD:
		return parse_fd(&s->values_fd, arg);
	case ASK_FD:
		return parse_fd(&s->ask_fd, arg);
	case INIT_FD:
		return parse_fd(&s->init_fd, arg);
	case READY_FD:
		return parse_fd(&s->ready_fd, arg);
	case OWNER:
		return parse_owner(s, arg);
	case BOOT_OFFSET:
		return number(arg, '\0', UINT64_MAX, &s->facts.boot_offset_ns);
	case SOURCE:
		return parse_source(s, arg);
	case THREADS:
		if (!number(arg, '\0', SURVIVE_WORKERS, &v) || v == 0)
			return false;
		s->threads = v;
		return true;
	case RESUME:
		s->resume = true;
		return true;
	case NO_RESEND:
		s->no_resend = true;
		return true;
	default: /* NAME */
		container = arg;
		return true;
	}
}

static int parse_options(struct server *s, int argc, char **argv)
{
	int opt, index;

	while ((opt = getopt_long(argc, argv, "", options, &index)) != -1) {
		if (opt == '?')
			return 1;
		if (opt == HELP || opt == VERSION_) {
			fputs(opt == HELP ? help : "cloister-fs (Cloister) " PACKAGE_VERSION "\n",
			      stdout);
			exit(fflush(stdout) == 0 ? 0 : 1);
		}
		if (!parse_option(s, opt, optarg))
			return complain("bad argument of an option, see --help", optarg, 0);
	}
	if (optind < argc)
		return complain("unexpected argument, see --help", argv[optind], 0);
	if (s->fuse_fd < 0 || s->values_fd < 0 || s->init_fd < 0 || s->ready_fd < 0 ||
	    s->uid == (uid_t)-1)
		return complain("a required option is missing, see --help", NULL, 0);
	return 0;
}

/* By the warden: it names the connection. */
static bool started_by_warden(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		if (strcmp(argv[i], "--fuse-fd") == 0 || strcmp(argv[i], "--help") == 0 ||
		    strcmp(argv[i], "--version") == 0)
			return true;
	return false;
}

static int default_threads(void)
{
	int n = get_nprocs();

	return n < SURVIVE_WORKERS / 2 ? n : SURVIVE_WORKERS / 2;
}

int main(int argc, char **argv)
{
	static struct cpu_account cpu = { .lock = PTHREAD_MUTEX_INITIALIZER };
	static struct load_account load = { .lock = PTHREAD_MUTEX_INITIALIZER };
	static struct cpuinfo_cache cpuinfo = { .lock = PTHREAD_MUTEX_INITIALIZER };
	static struct pid_watch pids = PID_WATCH_NONE;
	static struct server s = { .fuse_fd = -1,
				   .values_fd = -1,
				   .ask_fd = -1,
				   .init_fd = -1,
				   .ready_fd = -1,
				   .uid = -1 };
	const char *what;
	int r;

	prctl(PR_SET_NAME, "cloister-fs"); /* a program started by descriptor has none */
	/* One heap for all threads; what a large view needed goes back to the kernel. */
	mallopt(M_ARENA_MAX, 1);
	mallopt(M_MMAP_THRESHOLD, 64 * 1024);
	mallopt(M_TRIM_THRESHOLD, 64 * 1024);
	facts_init(&s.facts);
	s.facts.cpu = &cpu;
	s.facts.load = &load;
	s.facts.cpuinfo = &cpuinfo;
	s.facts.pids = &pids;
	if (!started_by_warden(argc, argv)) {
		s.threads = default_threads();
		return standalone_main(&s, argc, argv);
	}
	if (parse_options(&s, argc, argv))
		return 1;
	if (confine_check() < 0)
		return complain("refusing to run with capabilities or as root", NULL, 0);
	if (!s.threads)
		s.threads = default_threads();
	r = server_attach(&s, &what);
	if (r == 0)
		r = confine(&s, &what);
	if (r < 0)
		return complain(what, NULL, -r);
	malloc_trim(0);
	r = server_run(&s);
	return r < 0 ? complain("serve the file system", NULL, -r) : 0;
}
