// SPDX-License-Identifier: Apache-2.0
/*
 * step: the process that traces. It follows every thread of the notifier (or warden) and all that
 * these fork; when it ends the kernel lets go of those that are left.
 */
#include "config.h"
#include "step-trace.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

/* <linux/ptrace.h> does not go with <sys/ptrace.h>. */
#define SYSCALL_STOP (SIGTRAP | 0x80)

#define OPTIONS                                                                                    \
	(PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE)

static struct {
	struct step_shared *shared;
	enum step_who who;
	pid_t target;
	int at;
	pid_t held;
} t;

/**
 * trace_memory() - what `step` and its tracers share
 */
struct step_shared *trace_memory(void)
{
	void *p = mmap(NULL, sizeof(struct step_shared), PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

static char state_of(const char *path)
{
	char line[512], *p, state = 'X';
	FILE *f = fopen(path, "r");

	if (f && fgets(line, sizeof(line), f) && (p = strrchr(line, ')')))
		state = p[2];
	if (f)
		fclose(f);
	return state;
}

/* Call @run for each thread of @pid. Return: whether there are any, and it was true of all. */
static bool each_thread(pid_t pid, bool (*run)(pid_t pid, const char *tid))
{
	char path[64];
	struct dirent *d;
	bool good = true;
	int n = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
	dir = opendir(path);
	while (dir && (d = readdir(dir)))
		if (d->d_name[0] != '.' && ++n)
			good = run(pid, d->d_name) && good;
	if (dir)
		closedir(dir);
	return n && good;
}

static bool thread_sleeps(pid_t pid, const char *tid)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/task/%.12s/stat", (int)pid, tid);
	return state_of(path) == 'S';
}

static bool thread_is_alone(pid_t pid, const char *tid)
{
	char path[64], text[16];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/task/%.12s/children", (int)pid, tid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, text, sizeof(text));
	close(fd);
	return n == 0;
}

/**
 * trace_is_alone() - has @pid no children?
 */
bool trace_is_alone(pid_t pid)
{
	return each_thread(pid, thread_is_alone);
}

/**
 * trace_sleeps() - do all threads of @pid wait for something?
 */
bool trace_sleeps(pid_t pid)
{
	return each_thread(pid, thread_sleeps);
}

static bool seize(pid_t pid, const char *tid)
{
	(void)pid;
	return ptrace(PTRACE_SEIZE, atoi(tid), 0, OPTIONS) == 0 &&
	       ptrace(PTRACE_INTERRUPT, atoi(tid), 0, 0) == 0;
}

static bool is_targets(pid_t tid)
{
	char path[64];
	bool own;

	snprintf(path, sizeof(path), "/proc/%d/task/%d", (int)t.target, (int)tid);
	own = access(path, F_OK) == 0;
	return t.who == STEP_NOTIFIER || t.who == STEP_WARDEN || t.who == STEP_STALE_NOTIFIER
		       ? own
		       : !own;
}

static void hit(pid_t tid, int nr)
{
	t.shared->nr = nr;
	if (t.who == STEP_STALE_HELPER || t.who == STEP_STALE_NOTIFIER) {
		t.held = tid;
		t.shared->hit = true;
		return;
	}
	if (t.who != STEP_HELPER)
		kill(t.target, SIGKILL);
	if (t.who == STEP_HELPER || t.who == STEP_BOTH)
		kill(tid, SIGKILL);
	t.shared->hit = true;
	_exit(0);
}

static void on_syscall(pid_t tid)
{
	struct __ptrace_syscall_info info;

	if (!t.shared->ready || t.held || !is_targets(tid) ||
	    ptrace(PTRACE_GET_SYSCALL_INFO, tid, sizeof(info), &info) <= 0 ||
	    info.op != PTRACE_SYSCALL_INFO_ENTRY)
		return;
	if (++t.shared->count == t.at)
		hit(tid, (int)info.entry.nr);
}

static void on_stop(pid_t tid, int status)
{
	int sig = WSTOPSIG(status);

	if (sig == SYSCALL_STOP)
		on_syscall(tid);
	/* Once something is held only what happens is counted, to see when nothing does. */
	if (tid == t.held)
		return;
	if (t.held)
		t.shared->count++;
	ptrace(PTRACE_SYSCALL, tid, 0, sig == SYSCALL_STOP || status >> 16 ? 0 : sig);
}

static void follow(void)
{
	int status, idle = 0;
	pid_t tid;

	for (;;) {
		tid = waitpid(-1, &status, __WALL | WNOHANG);
		if (tid < 0)
			_exit(0);
		if (tid > 0 && WIFSTOPPED(status))
			on_stop(tid, status);
		if (tid > 0) {
			idle = 0;
			continue;
		}
		/* All are back where they were when they were interrupted. */
		if (++idle == 6)
			t.shared->ready = true;
		if (t.held && t.shared->release) {
			pid_t held = t.held;

			/* Go on counting what is done. */
			t.held = -1;
			ptrace(PTRACE_SYSCALL, held, 0, 0);
		}
		usleep(300);
	}
}

/**
 * trace_start() - from now on steps are counted, and at one of them it is done
 * @at: at which; the first is 1
 */
pid_t trace_start(struct step_shared *shared, enum step_who who, const struct step_family *f,
		  int at)
{
	pid_t pid;

	t.shared = shared;
	t.who = who;
	t.target = who == STEP_WARDEN ? f->warden : f->notifier;
	t.at = at;
	t.held = 0;
	memset(shared, 0, sizeof(*shared));
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (!each_thread(t.target, seize))
			_exit(1);
		follow();
	}
	while (!shared->ready && kill(pid, 0) == 0 && waitpid(pid, NULL, WNOHANG) == 0)
		usleep(300);
	return pid;
}
