/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The process whose call is worked on: is it still there, and its memory.
 *
 * Its pid is believed only as long as the notification is alive, which is asked after what was
 * looked up by the pid has been opened: then it was opened of the right process, and a descriptor
 * stays with that.
 */
#include "config.h"
#include "warden/notify.h"

#include "lib/fd.h"
#include "lib/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <unistd.h>

/**
 * request_alive() - does the caller still wait for the answer?
 */
bool request_alive(const struct request *r)
{
	__u64 id = r->notif->id;

#ifdef MUTANT_CALLER_UNASKED
	return true;
#endif
	return ioctl(r->listener, SECCOMP_IOCTL_NOTIF_ID_VALID, &id) == 0;
}

/**
 * request_continue() - let the kernel carry out the call: for what the kernel judges by itself
 */
void request_continue(struct request *r)
{
	r->resp->val = 0;
	r->resp->error = 0;
	r->resp->flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
}

/**
 * request_answer() - @value is what the call returns, or -errno
 */
void request_answer(struct request *r, int64_t value)
{
	r->resp->val = value < 0 ? 0 : value;
	r->resp->error = value < 0 ? (int32_t)value : 0;
	r->resp->flags = 0;
}

/**
 * request_open() - open a file of the caller's directory in the host's /proc
 *
 * Return: a descriptor, or -errno; -ESRCH if the caller has gone.
 */
int request_open(const struct request *r, const char *file, int flags)
{
	char path[64];
	autofd fd = -1;

	snprintf(path, sizeof(path), "%u/%s", r->notif->pid, file);
	fd = openat(r->host_proc, path, flags | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (!request_alive(r))
		return -ESRCH;
	return fd_steal(&fd);
}

static ssize_t read_file(const struct request *r, uint64_t address, void *data, size_t len)
{
	autofd mem = request_open(r, "mem", O_RDONLY);
	ssize_t n = mem < 0 ? mem : pread(mem, data, len, (off_t)address);

	return mem < 0 ? mem : n < 0 ? -EFAULT : n;
}

/*
 * By pid, in one call where the file takes three: who is alive afterwards had it all the time. (To
 * write so would be to write first and ask then.)
 * Return: how much of it there is, or -errno.
 */
static ssize_t read_memory(const struct request *r, uint64_t address, void *data, size_t len)
{
	const struct iovec here = { data, len }, there = { (void *)(uintptr_t)address, len };
	ssize_t n = process_vm_readv((pid_t)r->notif->pid, &here, 1, &there, 1, 0);

	if (n < 0 && errno != EFAULT) /* a kernel without it, a caller that is gone */
		return read_file(r, address, data, len);
	if (!request_alive(r))
		return -ESRCH;
	return n < 0 ? -EFAULT : n;
}

/**
 * request_read() - read from the caller's memory: once, and never again what was read
 */
int request_read(const struct request *r, uint64_t address, void *data, size_t len)
{
	ssize_t n = read_memory(r, address, data, len);

	return n < 0 ? (int)n : n == (ssize_t)len ? 0 : -EFAULT;
}

/**
 * request_read_string() - read a string from the caller's memory
 *
 * Return: 0; -EFAULT; -ENAMETOOLONG if @size bytes do not hold it. A null pointer is an empty one.
 */
int request_read_string(const struct request *r, uint64_t address, char *buf, size_t size)
{
	ssize_t n;

	buf[0] = '\0';
	if (!address)
		return 0;
	n = read_memory(r, address, buf, size);
	if (n < 0)
		return (int)n;
	if (memchr(buf, '\0', n))
		return 0;
	buf[0] = '\0';
	return n == (ssize_t)size ? -ENAMETOOLONG : -EFAULT;
}

/* A thread shares its open files with the first of its process, unless it takes pains not to. */
static int open_process(const struct request *r)
{
	int fd = sys_pidfd_open_thread((pid_t)r->notif->pid);
	autofd file = fd >= 0 ? -1 : request_open(r, "status", O_RDONLY);
	char status[1024] = "";
	const char *line;

	if (fd >= 0 || file < 0)
		return fd >= 0 ? fd : file;
	if (read(file, status, sizeof(status) - 1) < 0)
		return -errno;
	line = strstr(status, "\nTgid:");
	return line ? sys_pidfd_open((pid_t)atoi(line + sizeof("\nTgid:") - 1)) : -EIO;
}

/**
 * request_take_fd() - the caller's open file @number: from here on it is ours too, whatever the
 * number comes to mean there
 */
int request_take_fd(const struct request *r, int number)
{
	autofd process = open_process(r);
	autofd fd = process < 0 ? process : sys_pidfd_getfd(process, number);

	if (fd >= 0 && !request_alive(r))
		return -ESRCH;
	return fd_steal(&fd);
}

/**
 * request_write() - write to the caller's memory
 *
 * Return: 0, or -EFAULT. May wait as long as the caller's memory makes it wait.
 */
int request_write(const struct request *r, uint64_t address, const void *data, size_t len)
{
	autofd mem = request_open(r, "mem", O_RDWR);

	if (mem < 0)
		return mem;
	return pwrite(mem, data, len, (off_t)address) == (ssize_t)len ? 0 : -EFAULT;
}
