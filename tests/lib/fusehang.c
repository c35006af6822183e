/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fusehang DIR [nested|OTHER] - serve a FUSE file system on DIR and keep a file of it open
 *
 * Its number is lower than the device's: at the end it is closed first, and waits for an answer
 * that this process, which is ending, never gives. DIR is unmounted; the connection stays.
 * "nested": it is in a user namespace of its own then, which has none of the ids that mounted, and
 * must leave DIR as it is. OTHER: a directory, of which it holds the lock: it is listed into memory
 * of that file, which never comes.
 */
#define _GNU_SOURCE
#include "fuse-answer.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static struct fuse_attr attr_of(uint64_t node)
{
	return (struct fuse_attr){ .ino = node,
				   .mode = node == FUSE_ROOT_ID ? S_IFDIR | 0755 : S_IFREG | 0666,
				   .size = 4096,
				   .nlink = 1 };
}

static void serve_one(const struct fuse_in_header *in)
{
	const struct fuse_init_out init = { .major = 7, .minor = 31, .max_write = 65536 };
	const struct fuse_attr_out attr = { .attr_valid = 100, .attr = attr_of(in->nodeid) };
	const struct fuse_entry_out entry = {
		.nodeid = 2, .entry_valid = 100, .attr_valid = 100, .attr = attr_of(2)
	};
	const struct fuse_open_out opened = { .fh = 1 };

	switch (in->opcode) {
	case FUSE_INIT:
		answer(in, 0, &init, sizeof(init));
		break;
	case FUSE_GETATTR:
		answer(in, 0, &attr, sizeof(attr));
		break;
	case FUSE_LOOKUP:
		answer(in, 0, &entry, sizeof(entry));
		break;
	case FUSE_OPEN:
		answer(in, 0, &opened, sizeof(opened));
		break;
	case FUSE_FORGET:
	case FUSE_READ:
	case FUSE_FLUSH: /* what the end waits for */
		break;
	default:
		answer(in, ENOSYS, "", 0);
	}
}

static void *serve(void *arg)
{
	static union {
		struct fuse_in_header in;
		char bytes[1 << 18];
	} request;

	(void)arg;
	while (read(device, &request, sizeof(request)) > 0 || errno == EINTR || errno == ENOENT)
		serve_one(&request.in);
	return NULL;
}

static void hold(const char *other, int file)
{
	void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
	int dir = open(other, O_RDONLY | O_DIRECTORY);

	syscall(SYS_getdents64, dir, page, 4096);
	perror(other);
	exit(1);
}

int main(int argc, char **argv)
{
	int low = open("/dev/null", O_RDONLY), file;
	bool nested = argc == 3 && strcmp(argv[2], "nested") == 0;
	char options[100], path[4096];
	pthread_t thread;

	if (argc != 2 && argc != 3)
		return 2;
	device = open("/dev/fuse", O_RDWR);
	snprintf(options, sizeof(options), "fd=%d,rootmode=40000,user_id=0,group_id=0", device);
	if (low < 0 || device < 0 || mount("none", argv[1], "fuse", 0, options) < 0 ||
	    (nested && unshare(CLONE_NEWUSER) < 0) ||
	    pthread_create(&thread, NULL, serve, NULL) != 0) {
		perror(argv[1]);
		return 1;
	}
	snprintf(path, sizeof(path), "%s/file", argv[1]);
	file = open(path, O_RDWR);
	if (file < 0 || dup2(file, low) < 0 || (!nested && umount2(argv[1], MNT_DETACH) < 0)) {
		perror(path);
		return 1;
	}
	puts("open");
	fflush(stdout);
	if (argc == 3 && !nested)
		hold(argv[2], file);
	for (;;)
		pause();
}
