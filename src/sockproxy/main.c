/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cloister-sockproxy: what a container gets in the place of an engine's socket.
 *
 *   cloister-sockproxy --listen-fd=N --engine-dir-fd=N --engine-socket=NAME --commands=LIST
 *                      [--image=NAME] [--id=CONTAINER]
 *
 * Two processes, joined by a socket pair: the parser (front.c), which the container talks to and
 * which has no rights, and the forwarder (back.c), which has the engine and nothing else. If either
 * dies, so does the other, and the container's socket answers "connection refused".
 */
#include "config.h"
#include "sockproxy/back.h"

#include "lib/fd.h"
#include "lib/sys.h"

#include <errno.h>
#include <getopt.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static void usage(FILE *to)
{
	fprintf(to,
		"Usage: cloister-sockproxy --listen-fd=N --engine-dir-fd=N --engine-socket=NAME\n"
		"                          --commands=LIST [--image=NAME] [--id=CONTAINER]\n"
		"       cloister-sockproxy --help | --version\n"
		"Started by cloister for a container that may reach an engine's socket.\n");
}

static int parse(int argc, char **argv, struct proxy *p, int *engine_dir)
{
	static const struct option options[] = {
		{ "listen-fd", required_argument, NULL, 'l' },
		{ "engine-dir-fd", required_argument, NULL, 'd' },
		{ "engine-socket", required_argument, NULL, 's' },
		{ "commands", required_argument, NULL, 'c' },
		{ "image", required_argument, NULL, 'i' },
		{ "id", required_argument, NULL, 'n' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'v' },
		{ 0 },
	};
	bool commands = false;
	int o;

	while ((o = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (o == 'l')
			p->listen_fd = atoi(optarg);
		else if (o == 'd')
			*engine_dir = atoi(optarg);
		else if (o == 's')
			p->engine_socket = optarg;
		else if (o == 'c')
			commands = sockcommands_parse(optarg, &p->commands) == 0;
		else if (o == 'i')
			p->image = optarg;
		else if (o == 'n')
			p->container = optarg;
		else if (o == 'h') {
			usage(stdout);
			exit(0);
		} else if (o == 'v') {
			printf("cloister-sockproxy %s\n", PACKAGE_VERSION);
			exit(0);
		} else
			return -EINVAL;
	}
	return commands && p->listen_fd >= 3 && *engine_dir >= 3 && p->engine_socket &&
			       !strchr(p->engine_socket, '/') && optind == argc
		       ? 0
		       : -EINVAL;
}

/* Before anything is closed to them: what the libraries want of the system once. */
static void warm_up(void)
{
	tzset();
	json_object_seed(0);
	/* Of buffers that are large for the worst case only what is used counts. */
	prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
	signal(SIGPIPE, SIG_IGN);
}

int main(int argc, char **argv)
{
	struct proxy p = { .listen_fd = -1, .image = "", .container = "" };
	int engine_dir = -1, size = PROXY_MESSAGE_MAX, pair[2], done[2];
	pid_t pid;

	if (parse(argc, argv, &p, &engine_dir) < 0) {
		usage(stderr);
		return 2;
	}
	if (fchdir(engine_dir) < 0 ||
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0 ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, done) < 0) {
		perror("cloister-sockproxy");
		return 1;
	}
	for (int i = 0; i < 2; i++)
		setsockopt(pair[i], SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size));
	close(engine_dir);
	warm_up();
	pid = fork();
	if (pid < 0) {
		perror("cloister-sockproxy");
		return 1;
	}
	p.channel = pair[pid == 0];
	close(pair[pid != 0]);
	p.done = done[pid == 0];
	close(done[pid != 0]);
	if (pid == 0) {
		/* Nothing of the engine: its directory is this process's no longer. */
		if (chdir("/proc/self/fdinfo") < 0 || chroot(".") < 0)
			return 1;
		front_run(&p);
	}
	close(p.listen_fd);
	p.buildkit = engine_buildkit(p.engine_socket);
	back_run(&p);
}
