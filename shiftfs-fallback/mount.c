/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mount.shiftfs: show a directory with other owners, by hand and from /etc/fstab.
 *
 * Theory of operation. mount(8) runs us as "mount.shiftfs SOURCE TARGET [-sfnv] [-N namespace]
 * [-o OPTIONS] [-t TYPE]" for the types "shiftfs" and "fuse.shiftfs", and passes on our exit
 * status. Where the kernel can, the result is an ID-mapped mount, and no process of ours is left;
 * where it cannot, it is a FUSE file system with its server (server.c).
 *
 * We run as root on what root wrote into /etc/fstab. The source may hold anything: nothing in it is
 * opened but its top directory, once, and what is mounted is what was opened.
 */
#include "config.h"
#include "mount.h"
#include "lib/fd.h"
#include "lib/mnt.h"
#include "lib/program.h"
#include "lib/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char help[] =
	"Usage: mount.shiftfs SOURCE TARGET [-sfnv] [-N NAMESPACE] [-t TYPE] [-o OPTIONS]\n"
	"Show the directory SOURCE at TARGET with other owners. Usually called by mount(8):\n"
	"  mount -t shiftfs SOURCE TARGET -o idmap=0:100000:65536\n"
	"\n"
	"  -o OPTIONS       see mount.shiftfs(8); one that says whose ids are shown is needed\n"
	"  -t TYPE          fuse.shiftfs: always with FUSE\n"
	"  -f               do everything but the mount itself\n"
	"  -n               has no effect\n"
	"  -s               do not mind unknown options\n"
	"  -v, --verbose    say which way was taken, and why\n"
	"  -N NAMESPACE     in another mount namespace, a path or the number of a process\n"
	"  --help, --version\n"
	"                   show this, or the version, and exit\n";

/* The command line, as far as it is not about the mount itself. */
struct invocation {
	char options[65536];
	bool fuse; /* by name or type */
	const char *namespace;
};

/**
 * mount_attributes() - flags of the mount; without suid bits and devices unless asked for
 */
uint64_t mount_attributes(const struct mount_options *o)
{
	uint64_t attrs = o->set;

	/* what a user can make must not be more than the user, whoever runs it */
	if (o->as || !o->allow_suid)
		attrs |= MOUNT_ATTR_NOSUID;
	if (o->as || !o->allow_dev)
		attrs |= MOUNT_ATTR_NODEV;
	return attrs;
}

static bool is_fuse_name(const char *name)
{
	const char *slash = strrchr(name, '/');

	name = slash ? slash + 1 : name;
	return strcmp(name, "mount.fuse.shiftfs") == 0 || strcmp(name, "fuse.shiftfs") == 0 ||
	       strcmp(name, "shiftfs") == 0;
}

static bool add_options(struct invocation *in, const char *text, struct complaint *why)
{
	size_t len = strlen(in->options);

	if (snprintf(in->options + len, sizeof(in->options) - len, "%s%s", len ? "," : "", text) <
	    (int)(sizeof(in->options) - len))
		return true;
	return complain(why, MOUNT_USAGE, "the options are too long");
}

/* What other options may contradict. */
static bool prepend_option(struct invocation *in, const char *text, struct complaint *why)
{
	static char given[sizeof(in->options)];

	memcpy(given, in->options, sizeof(given));
	in->options[0] = '\0';
	return add_options(in, text, why) && (!*given || add_options(in, given, why));
}

static bool take_option(int c, struct mount_job *job, struct invocation *in, struct complaint *why)
{
	switch (c) {
	case 'o':
		return add_options(in, optarg, why);
	case 't':
		/* "shiftfs" alone is no FUSE type, but a name of the FUSE program */
		in->fuse = strcmp(optarg, "fuse.shiftfs") == 0;
		return in->fuse || strcmp(optarg, "shiftfs") == 0 ||
		       complain(why, MOUNT_USAGE, "type \"%s\": give shiftfs or fuse.shiftfs",
				optarg);
	case 'N':
		in->namespace = optarg;
		return true;
	case 'f':
		return job->fake = true;
	case 's':
		return job->sloppy = true;
	case 'v':
		return job->verbose = true;
	default: /* -n, and -r and -w, which are options as well */
		return c == 'n' || add_options(in, c == 'r' ? "ro" : "rw", why);
	}
}

static void show_and_exit(const char *text)
{
	fputs(text, stdout);
	exit(fflush(stdout) == 0 ? MOUNT_OK : MOUNT_SYSTEM);
}

static bool read_arguments(int argc, char **argv, struct mount_job *job, struct invocation *in,
			   struct complaint *why)
{
	static const struct option options[] = { { "verbose", no_argument, NULL, 'v' },
						 { "help", no_argument, NULL, 'h' },
						 { "version", no_argument, NULL, 'V' },
						 { 0 } };
	int c;

	in->fuse = is_fuse_name(argv[0]);
	opterr = 0;
	while ((c = getopt_long(argc, argv, "o:t:N:fsvnrwhV", options, NULL)) != -1) {
		if (c == 'h')
			show_and_exit(help);
		if (c == 'V')
			show_and_exit("mount.shiftfs (Cloister) " PACKAGE_VERSION "\n");
		if (c == '?')
			return complain(why, MOUNT_USAGE, "bad option \"%s\", see --help",
					argv[optind - 1]);
		if (!take_option(c, job, in, why))
			return false;
	}
	if (in->fuse && !prepend_option(in, "fallback=always", why))
		return false;
	if (argc - optind != 2)
		return complain(why, MOUNT_USAGE, "give a source and a target, see --help");
	job->source = argv[optind];
	job->target = argv[optind + 1];
	return true;
}

static bool enter_namespace(const char *name, struct complaint *why)
{
	char path[64];
	autofd fd = -1;

	if (name[strspn(name, "0123456789")] == '\0') {
		snprintf(path, sizeof(path), "/proc/%.20s/ns/mnt", name);
		name = path;
	}
	fd = open(name, O_RDONLY | O_CLOEXEC);
	return (fd >= 0 && setns(fd, CLONE_NEWNS) == 0) ||
	       complain(why, MOUNT_FAILED, "-N %s: %s", name, strerror(errno));
}

/*
 * A relative source is one of this directory: what shows the mount, and the next of us, knows no
 * directory. Links stay in it, since as= looks at them. A directory without a name is left out.
 */
static void name_source(struct mount_job *job)
{
	static char name[2 * PATH_MAX];
	const char *below = job->source;

	if (*below == '/' || !getcwd(name, PATH_MAX))
		return;
	while (strncmp(below, "./", 2) == 0)
		below += 1 + strspn(below + 1, "/");
	if (*below && strcmp(below, ".") != 0)
		snprintf(name + strlen(name), PATH_MAX, "/%s", below);
	job->source = name;
}

static bool open_places(struct mount_job *job, struct complaint *why)
{
	name_source(job);
	job->target_fd = open(job->target, O_PATH | O_CLOEXEC);
	if (job->target_fd < 0)
		return complain(why, MOUNT_FAILED, "target \"%s\": %s", job->target,
				strerror(errno));
	job->source_fd = open(job->source, O_PATH | O_CLOEXEC);
	if (job->options.remount && job->source_fd < 0)
		return true; /* of no interest then */
	if (job->source_fd < 0 && errno == ENOENT && job->options.nofail) {
		if (job->verbose)
			printf("mount.shiftfs: %s does not exist: nofail\n", job->source);
		exit(fflush(stdout) == 0 ? MOUNT_OK : MOUNT_SYSTEM);
	}
	if (job->source_fd < 0 || fstatat(job->source_fd, "", &job->source_stat, AT_EMPTY_PATH) < 0)
		return complain(why, MOUNT_FAILED, "source \"%s\": %s", job->source,
				strerror(errno));
	if (!S_ISDIR(job->source_stat.st_mode) && !job->options.remount)
		return complain(why, MOUNT_FAILED,
				"source \"%s\": not a directory; give the one it is in",
				job->source);
	return true;
}

static bool attach(struct mount_job *job, int mnt, struct complaint *why)
{
	int r = job->fake ? 0 : mnt_attach_fd(mnt, job->target_fd);

	if (r == -ENOTDIR || r == -EINVAL)
		return complain(why, MOUNT_FAILED, "target \"%s\": not a directory to mount on",
				job->target);
	return r == 0 ||
	       complain(why, MOUNT_FAILED, "target \"%s\": %s", job->target, strerror(-r));
}

static bool make(struct mount_job *job, struct complaint *why)
{
	autofd mnt = mount_idmapped(job, why);
	bool idmapped = mnt >= 0;

	if (!idmapped && job->options.fallback == FALLBACK_NEVER)
		return false;
	if (!idmapped && !mount_fuse(job, &mnt, why))
		return false;
	if (!attach(job, mnt, why))
		return false;
	if (job->verbose)
		printf("mount.shiftfs: %s on %s: %s%s%s\n", job->source, job->target,
		       idmapped ? "ID-mapped mount" : "FUSE (", idmapped ? "" : job->reason,
		       idmapped ? "" : ")");
	return true;
}

/* The mount is made, or changed, or there already. */
static bool carry_out(struct mount_job *job, struct complaint *why)
{
	if (!open_places(job, why) || !mount_resolve_ids(job, why))
		return false;
	if (job->options.remount)
		return mount_change(job, why);
	switch (mount_what_is_there(job)) {
	case THERE_SAME:
		if (job->verbose)
			printf("mount.shiftfs: %s is on %s already\n", job->source, job->target);
		return true;
	case THERE_OTHER:
		return complain(why, MOUNT_FAILED,
				"target \"%s\" is busy: shiftfs shows something else or other ids "
				"there; unmount it first",
				job->target);
	default:
		return make(job, why);
	}
}

static bool run(int argc, char **argv, struct complaint *why)
{
	static struct invocation in;
	static struct mount_job job = { .source_fd = -1, .target_fd = -1, .home_ns = -1 };
	char server[PATH_MAX];

	if (!read_arguments(argc, argv, &job, &in, why) ||
	    !mount_options_read(&job.options, in.options, job.sloppy, why))
		return false;
	if (in.fuse && job.options.fallback == FALLBACK_NEVER)
		return complain(why, MOUNT_USAGE, "fallback=never: the type fuse.shiftfs is FUSE");
	if (in.fuse)
		job.options.fallback = FALLBACK_ALWAYS;
	if (geteuid() != 0)
		return complain(why, MOUNT_USAGE, "only root can do that");
	/* before another namespace hides it */
	job.server_fd = program_path("shiftfs", server, sizeof(server)) == 0
				? open(server, O_PATH | O_CLOEXEC)
				: -1;
	if (in.namespace)
		job.home_ns = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);
	return (!in.namespace || enter_namespace(in.namespace, why)) && carry_out(&job, why);
}

static void on_interrupt(int sig)
{
	_exit(MOUNT_BROKEN); /* what is not attached yet goes with us, the server after it */
}

int main(int argc, char **argv)
{
	struct complaint why = { .status = MOUNT_BUG };
	struct sigaction sa = { .sa_handler = on_interrupt };

	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
	if (run(argc, argv, &why))
		return fflush(stdout) == 0 ? MOUNT_OK : MOUNT_SYSTEM;
	fprintf(stderr, "mount.shiftfs: %s\n", why.text);
	return why.status;
}
