/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A container that plays tricks with the names that a shiftfs server resolves: for some seconds it
 * swaps one name between a file, a symbolic link out of the tree, a pipe, a device and a directory,
 * and the parent of a file with a symbolic link to a directory outside. It runs in the backing
 * directory, not through shiftfs.
 *
 *   shift-attack DIR OUTSIDE SECONDS
 */
#include "config.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

static const char *const forms[] = { "form-file", "form-link", "form-pipe", "form-device",
				     "form-dir" };

static void prepare(const char *outside)
{
	int fd = open("form-file", O_WRONLY | O_CREAT, 0666);
	char target[4096];

	if (fd < 0 || write(fd, "inside", 6) != 6)
		exit(2);
	close(fd);
	snprintf(target, sizeof(target), "%s/secret", outside);
	if (symlink(target, "form-link") || mkfifo("form-pipe", 0666) ||
	    mknod("form-device", S_IFCHR | 0666, makedev(5, 0)) || mkdir("form-dir", 0777) ||
	    mkdir("parent", 0777) || symlink(outside, "parent-link"))
		exit(2);
	fd = open("parent/secret", O_WRONLY | O_CREAT, 0666);
	if (fd < 0 || write(fd, "inside", 6) != 6)
		exit(2);
	close(fd);
}

static void exchange(const char *a, const char *b)
{
	(void)!syscall(SYS_renameat2, AT_FDCWD, a, AT_FDCWD, b, 2 /* RENAME_EXCHANGE */);
}

int main(int argc, char **argv)
{
	time_t end;

	if (argc != 4 || chdir(argv[1]))
		return 2;
	prepare(argv[2]);
	(void)!link("form-file", "target");
	end = time(NULL) + atoi(argv[3]);
	for (unsigned int i = 0; time(NULL) < end; i++) {
		const char *form = forms[i % 5];

		exchange("parent", "parent-link");
		exchange("target", form);
		if (i % 7 == 0) { /* absent for a moment */
			rename("target", "away");
			rename("away", "target");
		}
		exchange("target", form);
		exchange("parent", "parent-link");
	}
	return 0;
}
