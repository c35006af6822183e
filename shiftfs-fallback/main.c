/* SPDX-License-Identifier: Apache-2.0 */
/*
 * shiftfs: start.
 */
#include "config.h"
#include "args.h"
#include "process.h"
#include "server.h"
#include "lib/fd.h"
#include "lib/program.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <unistd.h>

/* The kernel translates: each id is itself. */
static int identity(struct server *s)
{
	if (s->maps.uids.n || s->maps.gids.n)
		return args_complain("ids are mapped by the kernel with this --mode", NULL, 0);
	id_map_add(&s->maps.uids, 0, 0, ID_NONE);
	id_map_add(&s->maps.gids, 0, 0, ID_NONE);
	if (s->mode == MODE_CONTAINER && !s->known.n)
		id_map_add(&s->known, 0, 0, 65536);
	return 0;
}

static int check_server(struct server *s)
{
	if (s->fuse_fd < 0 || s->source_fd < 0)
		return args_complain(
			"give SOURCE and TARGET, or --source-fd and --fuse-fd; see --help",
			s->target, 0);
	if (fd_set_cloexec(s->fuse_fd, true) < 0 || fd_set_cloexec(s->source_fd, true) < 0)
		return args_complain("a descriptor is not open", s->target, EBADF);
	s->as = s->process->as;
	s->threads = s->process->threads;
	if (s->cache != CACHE_AUTO)
		s->timeout = (struct timespec){ .tv_sec = s->cache == CACHE_STRICT ? 0
										   : 365 * 86400 };
	if (s->mode != MODE_CONTAINER && s->known.n)
		return args_complain("--ids is for --mode a", s->target, 0);
	if (s->mode != MODE_SERVER)
		return identity(s);
	if (s->maps.uids.all) {
		creds_user(&s->maps.uids.outside, &s->maps.gids.outside);
		return s->as ? 0 : args_complain("--owner is for --as", s->target, 0);
	}
	if (!s->maps.uids.n || !s->maps.gids.n)
		return args_complain("no ids are mapped, see --map", s->target, 0);
	return 0;
}

static int check_all(struct process *p)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < p->n; i++)
		r = check_server(p->server[i]);
	if (r == 0 && p->ready_fd >= 0 && fd_set_cloexec(p->ready_fd, true) < 0)
		r = args_complain("a descriptor is not open", NULL, EBADF);
	return r;
}

/* "shiftfs SOURCE TARGET [OPTION]...", as people know it from FUSE file systems: shiftfs(1). */
static int become_mount(char **argv)
{
	char path[PATH_MAX];

	if (program_path("mount.shiftfs", path, sizeof(path)) < 0 || access(path, X_OK) < 0)
		snprintf(path, sizeof(path), "%s", MOUNT_HELPER_DIR "/mount.shiftfs");
	argv[0] = (char *)"shiftfs"; /* a name that stands for FUSE */
	execv(path, argv);
	return args_complain("run", path, errno);
}

static int default_threads(void)
{
	long n = 4 * sysconf(_SC_NPROCESSORS_CONF);

	return n < 32 ? 32 : n > MAX_SLOTS ? MAX_SLOTS : (int)n;
}

int main(int argc, char **argv)
{
	static struct process p = { .ready_fd = -1 };
	int r;

	/* Started by descriptor it would be called by that one's number, before Linux 6.14. */
	prctl(PR_SET_NAME, "shiftfs");
	if (argc > 1 && argv[1][0] != '-')
		return become_mount(argv);
	if (args_parse(&p, argc, argv))
		return 1;
	if (!p.threads)
		p.threads = default_threads();
	if (check_all(&p))
		return 1;
	r = process_run(&p);
	if (r < 0 && p.blamed && p.blamed->hiding)
		return args_complain("a hidden name is in no directory of the source",
				     p.blamed->hiding, -r);
	if (r < 0)
		return args_complain("serve the file system", p.blamed ? p.blamed->target : NULL,
				     -r);
	return 0;
}
