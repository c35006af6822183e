/* SPDX-License-Identifier: Apache-2.0 */
/*
 * shiftfs: what its options say.
 */
#include "config.h"
#include "args.h"
#include "process.h"
#include "server.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum opt {
	SOURCE_FD = 256,
	FUSE_FD,
	READY_FD,
	MAP,
	UID_MAP,
	GID_MAP,
	MODE,
	IDS,
	CACHE,
	COHERENT,
	HIDE,
	AS,
	OWNER,
	SURVIVE,
	NO_PASSTHROUGH,
	NO_IO_URING,
	LOCKS,
	TIMEOUT,
	THREADS,
	INODES,
	NAME,
	TARGET,
	NEXT,
	HELP,
	VERSION_
};

static const struct option options[] = { { "source-fd", required_argument, NULL, SOURCE_FD },
					 { "fuse-fd", required_argument, NULL, FUSE_FD },
					 { "ready-fd", required_argument, NULL, READY_FD },
					 { "map", required_argument, NULL, MAP },
					 { "uid-map", required_argument, NULL, UID_MAP },
					 { "gid-map", required_argument, NULL, GID_MAP },
					 { "mode", required_argument, NULL, MODE },
					 { "ids", required_argument, NULL, IDS },
					 { "cache", required_argument, NULL, CACHE },
					 { "coherent", no_argument, NULL, COHERENT },
					 { "hide", required_argument, NULL, HIDE },
					 { "as", required_argument, NULL, AS },
					 { "owner", required_argument, NULL, OWNER },
					 { "survive", no_argument, NULL, SURVIVE },
					 { "no-passthrough", no_argument, NULL, NO_PASSTHROUGH },
					 { "no-io-uring", no_argument, NULL, NO_IO_URING },
					 { "locks", required_argument, NULL, LOCKS },
					 { "timeout", required_argument, NULL, TIMEOUT },
					 { "threads", required_argument, NULL, THREADS },
					 { "inodes", required_argument, NULL, INODES },
					 { "name", required_argument, NULL, NAME },
					 { "target", required_argument, NULL, TARGET },
					 { "next", no_argument, NULL, NEXT },
					 { "help", no_argument, NULL, HELP },
					 { "version", no_argument, NULL, VERSION_ },
					 { 0 } };

static const char help[] =
	"Usage: shiftfs --source-fd N --fuse-fd N --mode a|c [OPTION ...]\n"
	"       shiftfs --source-fd N --fuse-fd N --map INSIDE:OUTSIDE:COUNT ... [OPTION ...]\n"
	"       shiftfs SOURCE TARGET -o OPTIONS, see shiftfs(1)\n"
	"Serve a directory with other owners on a FUSE file system that is mounted already.\n"
	"\n"
	"  --source-fd N     the directory\n"
	"  --fuse-fd N       connection of the mounted file system (/dev/fuse)\n"
	"  --ready-fd N      gets one byte when the file system can be used, and is closed\n"
	"  --mode a|b|c      who translates ids: the kernel, in a superblock of the container's "
	"user\n"
	"                    namespace (a), or on ID-mapped mounts (c, Linux 6.12); or this "
	"server\n"
	"                    (b; default)\n"
	"  --map INSIDE:OUTSIDE:COUNT\n"
	"                    show ids from OUTSIDE on in the directory as those from INSIDE on;\n"
	"                    may be repeated\n"
	"  --uid-map, --gid-map INSIDE:OUTSIDE:COUNT\n"
	"                    the same, for users or groups alone\n"
	"  --ids FIRST:COUNT with --mode a: users and groups that the namespace has, nobody in "
	"which\n"
	"                    may take what belongs to others; may be repeated; default: 0:65536\n"
	"  --cache strict|auto|always\n"
	"                    whether changes made in the directory itself are seen at once, after\n"
	"                    the timeout (default), or perhaps never\n"
	"  --coherent        the same as --cache strict\n"
	"  --timeout SECONDS how long names and attributes are remembered with --cache auto;\n"
	"                    default: 1\n"
	"  --hide PATH       a name in the directory or below it that the mount does not have; may "
	"be\n"
	"                    repeated\n"
	"  --as UID:GID[:GID...]\n"
	"                    serve with the rights of this user, group and groups, and no others\n"
	"  --owner UID:GID   with --as: everything appears owned by these, in place of a map\n"
	"  --threads N       at most N requests at a time; default: 32, or 4 for\n"
	"                    each CPU\n"
	"  --inodes N        have the kernel remember about N inodes (Linux 6.18); default: "
	"as\n"
	"                    many as it likes; half as many as descriptors where each takes one\n"
	"  --survive         be three processes, each of which replaces another that is killed\n"
	"  --no-passthrough  read and write files here, not in the kernel (Linux 6.9)\n"
	"  --no-io-uring     take requests by the connection alone also where the kernel offers\n"
	"                    rings (Linux 6.14 with enable_uring set)\n"
	"  --locks shared|mount\n"
	"                    locks are shared with those who use the directory itself (default), "
	"or\n"
	"                    known on this mount only\n"
	"  --name NAME       for messages and process lists\n"
	"  --target PATH     where the file system is mounted, for the same\n"
	"  --next            the options that follow are about one more file system; --ready-fd,\n"
	"                    --as, --threads, --survive and --name are about all of them\n"
	"  --help, --version show this, or the version, and exit\n";

static const char *served = "";

/* What the options are about: all mounts, and the last one that was named. */
struct parse {
	struct process *process;
	struct server *server;
};

/**
 * args_complain() - say on standard error what is wrong, with what, and why
 * @object: or NULL
 * @err: errno, or 0
 *
 * Return: 1, the exit status.
 */
int args_complain(const char *what, const char *object, int err)
{
	fprintf(stderr, "shiftfs: %s%s%s%s%s%s%s\n", served, *served ? ": " : "", what,
		object ? ": " : "", object ? object : "", err ? ": " : "",
		err ? strerror(err) : "");
	return 1;
}

static bool parse_int(const char *arg, int min, int *ret)
{
	char *end;
	long v;

	errno = 0;
	v = strtol(arg, &end, 10);
	if (errno || end == arg || *end || v < min || v > INT_MAX)
		return false;
	*ret = v;
	return true;
}

static bool parse_inodes(const char *arg, size_t *ret)
{
	int v;

	if (!parse_int(arg, 1, &v))
		return false;
	*ret = v;
	return true;
}

static bool parse_timeout(const char *arg, struct timespec *ret)
{
	char *end;
	double v = strtod(arg, &end);

	if (end == arg || *end || !(v >= 0 && v <= UINT32_MAX))
		return false;
	ret->tv_sec = v;
	ret->tv_nsec = (v - ret->tv_sec) * 1e9;
	return true;
}

static bool parse_map(struct server *s, const char *arg, bool uids, bool gids)
{
	return (!uids || id_map_parse(&s->maps.uids, arg) == 0) &&
	       (!gids || id_map_parse(&s->maps.gids, arg) == 0);
}

static bool parse_mode(const char *arg, enum mode *ret)
{
	static const char modes[] = { 'a', 'b', 'c' };

	for (int i = 0; i < 3; i++) {
		if (arg[0] == modes[i] && !arg[1]) {
			*ret = (enum mode)i;
			return true;
		}
	}
	return false;
}

static bool parse_ids(struct server *s, const char *arg)
{
	unsigned int first, count;
	char rest;

	return sscanf(arg, "%u:%u%c", &first, &count, &rest) == 2 &&
	       id_map_add(&s->known, first, first, count) == 0;
}

static bool parse_cache(const char *arg, enum cache *ret)
{
	static const char *const names[] = { "strict", "auto", "always" };

	for (int i = 0; i < 3; i++) {
		if (!strcmp(arg, names[i])) {
			*ret = (enum cache)i;
			return true;
		}
	}
	return false;
}

static bool parse_hide(struct server *s, const char *arg)
{
	if (s->n_hide_paths == MAX_HIDE)
		return false;
	s->hide_path[s->n_hide_paths++] = arg;
	return true;
}

static bool parse_as(struct process *p, const char *arg)
{
	if (p->as || creds_set_user(arg) < 0)
		return false;
	p->as = true;
	return true;
}

static bool parse_owner(struct server *s, const char *arg)
{
	unsigned int uid, gid;
	char rest;

	if (sscanf(arg, "%u:%u%c", &uid, &gid, &rest) != 2 || uid == ID_NONE || gid == ID_NONE)
		return false;
	id_map_all(&s->maps.uids, uid, ID_NONE);
	id_map_all(&s->maps.gids, gid, ID_NONE);
	return true;
}

/* Return: whether there is memory for it. */
static bool add_server(struct parse *parse)
{
	struct process *p = parse->process;
	struct server **more = reallocarray(p->server, p->n + 1, sizeof(*more));
	struct server *s = calloc(1, sizeof(*s));

	if (more)
		p->server = more;
	if (!more || !s)
		return false;
	s->process = p;
	s->fuse_fd = s->source_fd = -1;
	s->mode = MODE_SERVER;
	s->use_passthrough = s->use_locks = s->use_rings = true;
	s->cache = CACHE_AUTO;
	s->timeout.tv_sec = 1;
	p->server[p->n++] = parse->server = s;
	return true;
}

static bool parse_ready_fd(struct process *p, const char *arg)
{
	int fd;

	if (!parse_int(arg, 0, &fd))
		return false;
	p->ready_fd = fd;
	return true;
}

/* Return: whether the argument of an option about the process is good. */
static bool parse_common(struct process *p, int opt, const char *arg)
{
	switch (opt) {
	case READY_FD:
		return parse_ready_fd(p, arg);
	case AS:
		return parse_as(p, arg);
	case SURVIVE:
		p->survive = true;
		return true;
	case THREADS:
		return parse_int(arg, 1, &p->threads);
	default: /* NAME */
		served = arg;
		return true;
	}
}

/* Return: whether the option's argument is good. */
static bool parse_option(struct parse *parse, int opt, const char *arg)
{
	struct server *s = parse->server;

	switch (opt) {
	case SOURCE_FD:
		return parse_int(arg, 0, &s->source_fd);
	case FUSE_FD:
		return parse_int(arg, 0, &s->fuse_fd);
	case MAP:
		return parse_map(s, arg, true, true);
	case UID_MAP:
		return parse_map(s, arg, true, false);
	case GID_MAP:
		return parse_map(s, arg, false, true);
	case MODE:
		return parse_mode(arg, &s->mode);
	case IDS:
		return parse_ids(s, arg);
	case CACHE:
		return parse_cache(arg, &s->cache);
	case COHERENT:
		s->cache = CACHE_STRICT;
		return true;
	case NO_PASSTHROUGH:
		s->use_passthrough = false;
		return true;
	case NO_IO_URING:
		s->use_rings = false;
		return true;
	case LOCKS:
		s->use_locks = !strcmp(arg, "shared");
		return s->use_locks || !strcmp(arg, "mount");
	case HIDE:
		return parse_hide(s, arg);
	case OWNER:
		return parse_owner(s, arg);
	case TIMEOUT:
		return parse_timeout(arg, &s->timeout);
	case INODES:
		return parse_inodes(arg, &s->max_inodes);
	case TARGET:
		s->target = arg;
		return true;
	case NEXT:
		return add_server(parse);
	default:
		return parse_common(parse->process, opt, arg);
	}
}

/**
 * args_parse() - put what the options say into @p, which gets a server for each mount
 *
 * Return: 0, or the exit status after a complaint.
 */
int args_parse(struct process *p, int argc, char **argv)
{
	struct parse parse = { .process = p };
	int opt;

	if (!add_server(&parse))
		return args_complain("start", NULL, ENOMEM);
	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (opt == '?')
			return 1;
		if (opt == HELP || opt == VERSION_) {
			fputs(opt == HELP ? help : "shiftfs (Cloister) " PACKAGE_VERSION "\n",
			      stdout);
			exit(fflush(stdout) == 0 ? 0 : 1);
		}
		if (!parse_option(&parse, opt, optarg))
			return args_complain("bad argument of an option, see --help", optarg, 0);
	}
	if (optind < argc)
		return args_complain("unexpected argument, see --help", argv[optind], 0);
	return 0;
}
