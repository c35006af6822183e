// SPDX-License-Identifier: Apache-2.0
/*
 * under: run one test script so that whatever it leaves behind can be found.
 *
 *	under [-t SECONDS] [-l LOCKFILE]... PROGRAM ARG...
 *
 * - Locks, taken in turn and held for the whole run, keep scripts apart that look at the same
 *things, also scripts of another build tree. The program does not inherit them.
 * - A child subreaper: a daemon that the script starts cannot leave this family, so "no process is
 *   left" is a fact about our descendants and not a guess about names.
 * - A mount namespace of its own with shared propagation, as a systemd host has it: a launcher that
 *   lets a mount escape is seen, and does no harm.
 * - A hard limit of time, with a look at who hung where.
 * - What the whole family used of the CPUs, as a comment at the end.
 *
 * Exit status: the program's; 1 when it left processes (they are killed), 124 when time was up.
 */
#include "config.h"

#include <dirent.h>
#include <err.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MAX_FAMILY 4096

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* The parent of @pid, or 0; @name (32 bytes) becomes its command name, @state its state. */
static pid_t parent_of(pid_t pid, char *name, char *state)
{
	char path[64], buf[512], *lparen, *rparen;
	pid_t parent = 0;
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	n = read(fd, buf, sizeof(buf) - 1);
	close(fd);
	if (n <= 0)
		return 0;
	buf[n] = '\0';
	lparen = strchr(buf, '(');
	rparen = strrchr(buf, ')');
	if (!lparen || !rparen || sscanf(rparen + 2, "%c %d", state, &parent) != 2)
		return 0;
	snprintf(name, 32, "%.*s", (int)(rparen - lparen - 1), lparen + 1);
	return parent;
}

/*
 * Looks at every descendant that is not a zombie: @show prints it, @kill_but sends SIGKILL to all
 * but that one (0: to all, -1: to none). Return: how many there were.
 */
static int each_descendant(bool show, pid_t kill_but)
{
	static pid_t family[MAX_FAMILY];
	int known = 1, seen = 0;
	bool grew = true;

	family[0] = getpid();
	while (grew) {
		DIR *proc = opendir("/proc");
		struct dirent *de;

		grew = false;
		while (proc && (de = readdir(proc))) {
			pid_t pid = atoi(de->d_name), parent;
			char name[32], state;
			bool ours = false, have = false;

			if (pid <= 0)
				continue;
			parent = parent_of(pid, name, &state);
			for (int i = 0; i < known; i++) {
				ours |= family[i] == parent;
				have |= family[i] == pid;
			}
			if (!ours || have || known == MAX_FAMILY)
				continue;
			family[known++] = pid;
			grew = true;
			if (state == 'Z' || state == 'X')
				continue;
			seen++;
			if (show)
				printf("# left: pid %d (%s), parent %d, state %c\n", pid, name,
				       parent, state);
			if (kill_but >= 0 && pid != kill_but)
				kill(pid, SIGKILL);
		}
		if (proc)
			closedir(proc);
	}
	fflush(stdout);
	return seen;
}

/* Collects ended children. Return: true when @child was among them (its wait status in @status). */
static bool reap(pid_t child, int *status)
{
	bool got = false;
	int st;
	pid_t pid;

	while ((pid = waitpid(-1, &st, WNOHANG)) > 0)
		if (pid == child) {
			*status = st;
			got = true;
		}
	return got;
}

static void pause_ms(long ms)
{
	struct timespec ts = { .tv_nsec = ms * 1000000 };

	nanosleep(&ts, NULL);
}

/* Of all that were waited for, by us or by their parents: bootstrap adds these up. */
static void report_cpu(void)
{
	struct rusage ru;

	getrusage(RUSAGE_CHILDREN, &ru);
	printf("# used %.1f s of CPU time\n",
	       (double)(ru.ru_utime.tv_sec + ru.ru_stime.tv_sec) +
		       (double)(ru.ru_utime.tv_usec + ru.ru_stime.tv_usec) / 1e6);
	fflush(stdout);
}

static void dump_hung(void)
{
	printf("# time is up; who was there:\n");
	each_descendant(true, -1);
	fflush(stdout);
	if (system("for p in $(ps -e -o pid= -o ppid= -o comm= | awk '/cloister|attack/ {print "
		   "$1}'); do"
		   " echo \"# $p $(cat /proc/$p/wchan 2>/dev/null) $(cat /proc/$p/syscall "
		   "2>/dev/null)\";"
		   " sed 's/^/#   /' /proc/$p/stack 2>/dev/null; done") != 0)
		printf("# (no stacks)\n");
}

/* Until we end. */
static void lock(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	if (fd < 0 || flock(fd, LOCK_EX) < 0)
		err(2, "cannot take the lock '%s'", path);
}

int main(int argc, char **argv)
{
	int seconds = 300, status = 0, opt;
	double end;
	pid_t child;

	while ((opt = getopt(argc, argv, "+t:l:")) != -1) {
		if (opt == 't')
			seconds = atoi(optarg);
		else if (opt == 'l')
			lock(optarg);
		else
			errx(2, "usage: under [-t SECONDS] [-l LOCKFILE]... PROGRAM ARG...");
	}
	if (optind >= argc)
		errx(2, "usage: under [-t SECONDS] [-l LOCKFILE]... PROGRAM ARG...");
	if (prctl(PR_SET_CHILD_SUBREAPER, 1) < 0)
		err(2, "cannot become the subreaper");
	if (geteuid() == 0 &&
	    (unshare(CLONE_NEWNS) < 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	     mount("none", "/", NULL, MS_REC | MS_SHARED, NULL) < 0))
		err(2, "cannot make a mount namespace");

	child = fork();
	if (child < 0)
		err(2, "cannot fork");
	if (child == 0) {
		execvp(argv[optind], argv + optind);
		err(127, "cannot run '%s'", argv[optind]);
	}
	end = now() + seconds;
	while (!reap(child, &status)) {
		if (now() > end) {
			dump_hung();
			/* Whoever hangs is killed; the script itself may still tidy up. */
			kill(child, SIGTERM);
			each_descendant(false, child);
			for (int i = 0; i < 250 && !reap(child, &status); i++)
				pause_ms(20);
			for (int i = 0; i < 50 && each_descendant(false, 0); i++) {
				pause_ms(20);
				reap(child, &status);
			}
			return 124;
		}
		pause_ms(2);
	}
	for (int i = 0; i < 100 && each_descendant(false, -1); i++) {
		pause_ms(10);
		reap(child, &status);
	}
	report_cpu();
	if (each_descendant(true, 0)) {
		for (int i = 0; i < 50 && each_descendant(false, 0); i++) {
			pause_ms(20);
			reap(child, &status);
		}
		return 1;
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
