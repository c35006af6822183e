/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Processes named so that a reused pid is not mistaken for the old process: pid and start time.
 */
#include "config.h"
#include "lib/proc.h"

#include "lib/fd.h"
#include "lib/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What /proc/PID/stat says that is asked here; it needs no privilege. */
struct stat_line {
	char state;
	unsigned int flags;
	int threads;
	uint64_t start;
};

/* -ESRCH if there is no @pid. */
static int read_stat(int proc_fd, pid_t pid, struct stat_line *ret)
{
	char path[64], buf[1024];
	const char *p;
	int r;

	snprintf(path, sizeof(path), "%s%d/stat", proc_fd == AT_FDCWD ? "/proc/" : "", (int)pid);
	r = fd_read_file_at(proc_fd, path, buf, sizeof(buf));
	if (r < 0)
		return r == -ENOENT ? -ESRCH : r;
	/* The command name may hold anything, parentheses too: the last one ends it. */
	p = strrchr(buf, ')');
	if (!p || p[1] != ' ')
		return -EINVAL;
	ret->state = p[2];
	p += 2;
	for (int field = 3; field < 22; field++) {
		p = strchr(p, ' ');
		if (!p)
			return -EINVAL;
		p++;
		if (field == 8)
			ret->flags = strtoul(p, NULL, 10);
		else if (field == 19)
			ret->threads = atoi(p);
	}
	ret->start = strtoull(p, NULL, 10);
	return 0;
}

/**
 * proc_identify_at() - name the process @pid for later
 * @proc_fd: a procfs of the pid namespace that @pid counts in: where /proc is another one's. Or
 * AT_FDCWD: /proc
 */
int proc_identify_at(int proc_fd, pid_t pid, struct proc_id *ret)
{
	struct stat_line line;
	int r = read_stat(proc_fd, pid, &line);

	if (r < 0)
		return r;
	*ret = (struct proc_id){ .pid = pid, .start = line.start };
	return 0;
}

/**
 * proc_identify() - name a process of our own pid namespace; see proc_identify_at()
 */
int proc_identify(pid_t pid, struct proc_id *ret)
{
	return proc_identify_at(AT_FDCWD, pid, ret);
}

static bool alive_at(int proc_fd, const struct proc_id *id)
{
	struct stat_line line;

	if (id->pid <= 0 || read_stat(proc_fd, id->pid, &line) < 0)
		return false;
	if (line.start != id->start)
		return false;
#ifndef MUTANT_LEADER_BELIEVED
	if (line.state == 'Z' && line.threads > 1)
		return true;
#endif
	return line.state != 'Z' && line.state != 'X';
}

/**
 * proc_alive() - does @id still run? A zombie does not, unless it is only the first thread that has
 * ended: others may go on for as long as they like.
 */
bool proc_alive(const struct proc_id *id)
{
	return alive_at(AT_FDCWD, id);
}

#define FLAG_EXITING 0x4 /* PF_EXITING of the kernel: set before anything is let go of */

/**
 * proc_ending() - has @id ended, or its last thread begun to? Its program runs no more then.
 */
bool proc_ending(const struct proc_id *id)
{
	struct stat_line line;

	return id->pid > 0 && (read_stat(AT_FDCWD, id->pid, &line) < 0 || line.start != id->start ||
			       ((line.flags & FLAG_EXITING) && line.threads <= 1));
}

/**
 * proc_open_at() - a pidfd of @id, never of a successor that got the same pid
 * @proc_fd: as of proc_identify_at()
 *
 * Return: -ESRCH if it has ended.
 */
int proc_open_at(int proc_fd, const struct proc_id *id)
{
	autofd fd = -1;

	if (id->pid <= 0)
		return -ESRCH;
	fd = sys_pidfd_open(id->pid);
	if (fd < 0)
		return fd;
	if (!alive_at(proc_fd, id))
		return -ESRCH;
	return fd_steal(&fd);
}

/**
 * proc_open() - a pidfd of @id in our own pid namespace; see proc_open_at()
 */
int proc_open(const struct proc_id *id)
{
	return proc_open_at(AT_FDCWD, id);
}

/**
 * proc_kill() - send a signal to @id, never to a successor. Return: 0; -ESRCH if it has ended;
 * -errno
 */
int proc_kill(const struct proc_id *id, int sig)
{
	autofd fd = proc_open(id);

	return fd < 0 ? fd : sys_pidfd_send_signal(fd, sig);
}

/**
 * proc_memory() - proportional set size of a process, and its private and shared dirty part, KiB
 */
int proc_memory(pid_t pid, uint64_t *pss_kib, uint64_t *dirty_kib)
{
	char path[64], buf[4096];
	const char *p;
	int r;

	snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", (int)pid);
	r = fd_read_file_at(AT_FDCWD, path, buf, sizeof(buf));
	if (r < 0)
		return r;
	p = strstr(buf, "\nPss:");
	*pss_kib = p ? strtoull(p + 5, NULL, 10) : 0;
	p = strstr(buf, "\nPss_Dirty:");
	*dirty_kib = p ? strtoull(p + 11, NULL, 10) : 0;
	return 0;
}

/* signal(7): the signals whose default action is not to end the process */
static bool ends_process(int sig)
{
	static const int others[] = { SIGCHLD, SIGCONT, SIGSTOP, SIGTSTP,
				      SIGTTIN, SIGTTOU, SIGURG,	 SIGWINCH };

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (sig == others[i])
			return false;
	return true;
}

/**
 * proc_would_drop() - would @sig end any other process than @pid, the first of its pid namespace,
 * for which the kernel drops it for want of a handler?
 *
 * signal(7): "only signals for which the init process has established a handler can be sent"; what
 * is blocked stays pending, and what is ignored on purpose is ignored for any process.
 */
bool proc_would_drop(pid_t pid, int sig)
{
	static const char *const fields[] = { "\nSigBlk:", "\nSigIgn:", "\nSigCgt:" };
	char path[64], buf[4096];

	if (!ends_process(sig))
		return false;
	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	if (fd_read_file_at(AT_FDCWD, path, buf, sizeof(buf)) < 0)
		return false;
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		const char *p = strstr(buf, fields[i]);

		if (!p || (strtoull(p + strlen(fields[i]), NULL, 16) >> (sig - 1)) & 1)
			return false;
	}
	return true;
}
