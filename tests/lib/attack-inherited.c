// SPDX-License-Identifier: Apache-2.0
/*
 * attack: what the first process may have inherited: descriptors, settings of the process, keys.
 */
#include "config.h"
#include "attack.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define KEYCTL_JOIN_SESSION_KEYRING 1
#define KEYCTL_SEARCH_KEYRING	    10
#define KEY_PROCESS		    (-2)
#define KEY_SESSION		    (-3)
#define KEY_USER		    (-4)
#define KEY_USER_SESSION	    (-5)

static int show_fds(char **a)
{
	DIR *dir = opendir("/proc/self/fd");
	struct dirent *de;

	while (dir && (de = readdir(dir))) {
		char path[300], target[256];
		ssize_t n;

		if (de->d_name[0] == '.' || atoi(de->d_name) == dirfd(dir))
			continue;
		snprintf(path, sizeof(path), "/proc/self/fd/%s", de->d_name);
		n = readlink(path, target, sizeof(target) - 1);
		printf("%s %.*s\n", de->d_name, (int)(n < 0 ? 0 : n), target);
	}
	return dir ? 0 : -errno;
}

/* Everything that one process hands to the next without a word, one a line. */
static int show_inherited(char **a)
{
	cpu_set_t cpus;
	struct rlimit lim;
	sigset_t set;
	int ignored = 0, blocked = 0;
	char cwd[4096];

	sigprocmask(SIG_BLOCK, NULL, &set);
	for (int s = 1; s < 64; s++) {
		struct sigaction sa;

		if (s != 32 && s != 33 && sigaction(s, NULL, &sa) == 0 && sa.sa_handler == SIG_IGN)
			ignored++;
		blocked += sigismember(&set, s) == 1;
	}
	printf("ignored %d\nblocked %d\n", ignored, blocked);
	printf("cwd %s\n", getcwd(cwd, sizeof(cwd)) ? cwd : "?");
	umask(0022);
	sched_getaffinity(0, sizeof(cpus), &cpus);
	printf("cpus %d\nnice %d\n", CPU_COUNT(&cpus), getpriority(PRIO_PROCESS, 0));
	printf("policy %d\n", sched_getscheduler(0));
	for (int r = 0; r < (int)RLIM_NLIMITS; r++) {
		getrlimit((__rlimit_resource_t)r, &lim);
		printf("rlimit-%d %lld %lld\n", r, (long long)lim.rlim_cur,
		       (long long)lim.rlim_max);
	}
	printf("dumpable %d\nno-new-privs %d\npdeathsig-free %d\n", prctl(PR_GET_DUMPABLE),
	       prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0),
	       prctl(PR_GET_PDEATHSIG, &ignored) == 0 && ignored == 0);
	printf("securebits %d\nkeepcaps %d\n", prctl(PR_GET_SECUREBITS), prctl(PR_GET_KEEPCAPS));
	printf("session-leader %d\ngroups %d\n", getsid(0) == getpid(), getgroups(0, NULL));
	return 0;
}

/* CVE-2024-21626: does any descriptor, or the working directory, lead to a directory that has FILE?
 */
static int find_through_fds(char **a)
{
	int worked = access(a[0], F_OK) == 0;
	char up[512];

	for (int fd = 0; fd < 1024; fd++)
		for (int depth = 0; depth < 8; depth++) {
			int n = 0;

			for (int i = 0; i < depth; i++)
				n += snprintf(up + n, sizeof(up) - n, "../");
			snprintf(up + n, sizeof(up) - n, "%s", a[0]);
			if (faccessat(fd ? fd : AT_FDCWD, up, F_OK, 0) == 0) {
				printf("found through %d\n", fd ? fd : -1);
				worked++;
			}
		}
	return worked ? 0 : -ENOENT;
}

static int key_search(char **a)
{
	const int rings[] = { KEY_SESSION, KEY_USER_SESSION, KEY_USER };
	int r = -ENOKEY;

	for (size_t i = 0; i < sizeof(rings) / sizeof(*rings); i++)
		if (syscall(SYS_keyctl, KEYCTL_SEARCH_KEYRING, rings[i], "user", a[0], 0) > 0)
			return 0;
	if (syscall(SYS_request_key, "user", a[0], NULL, 0) > 0)
		return 0;
	return r;
}

/* Use up the quota of keys and keep it so, whoever gives back some. */
static int key_fill(char **a)
{
	char name[32];

	for (int i = 0;; i++) {
		snprintf(name, sizeof(name), "%s%d", a[0], i);
		if (syscall(SYS_add_key, "user", name, "x", 1, KEY_PROCESS) < 0)
			usleep(1000);
	}
	return 0;
}

/* On the host: a new session keyring with the key, then the rest of the command line in it. */
static int with_key(char **a)
{
	if (syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, "cloister-test") < 0 ||
	    syscall(SYS_add_key, "user", a[0], "secret", 6, KEY_SESSION) < 0)
		return -errno;
	execvp(a[1], a + 1);
	return -errno;
}

/* On the host: a process as badly brought up as a parent can be, then the rest in it. */
static int spoiled(char **a)
{
	struct rlimit files = { 256, 512 }, core = { 4096, 8192 };
	cpu_set_t cpu;
	sigset_t set;

	CPU_ZERO(&cpu);
	CPU_SET(0, &cpu);
	sched_setaffinity(0, sizeof(cpu), &cpu);
	setpriority(PRIO_PROCESS, 0, 5);
	setrlimit(RLIMIT_NOFILE, &files);
	setrlimit(RLIMIT_CORE, &core);
	sigfillset(&set);
	sigprocmask(SIG_SETMASK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	signal(SIGUSR1, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	umask(0777);
	setenv("SPOILED_SECRET", "leaked", 1);
	if (open("/etc/passwd", O_RDONLY) < 0 || open("/", O_RDONLY | O_DIRECTORY) < 0)
		return -errno;
	dup2(open("/etc/hostname", O_RDONLY), 77);
	execvp(a[0], a);
	return -errno;
}

const struct call attack_inherited[] = {
	{ "fds", show_fds, 0, "" },
	{ "inherited", show_inherited, 0, "" },
	{ "key-search", key_search, 1, "NAME" },
	{ "key-fill", key_fill, 1, "PREFIX" },
	{ "with-key", with_key, 2, "NAME PROGRAM ARG..." },
	{ "spoiled", spoiled, 1, "PROGRAM ARG..." },
	{ "find-through-fds", find_through_fds, 1, "FILE" },
	{ 0 },
};
