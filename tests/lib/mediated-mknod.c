// SPDX-License-Identifier: Apache-2.0
/*
 * mediated: mknod(2) and mknodat(2).
 */
#include "config.h"
#include "mediated.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

static int make_node(char **a)
{
	return result(mknod(a[0], strtoul(a[1], NULL, 8), makedev(atoi(a[2]), atoi(a[3]))));
}

/* With every capability but the one for it. */
static int make_node_capless(char **a)
{
	int r = drop_capability(CAP_MKNOD);

	if (r < 0)
		return r;
	return result(mknod(a[0], S_IFCHR | 0666, makedev(1, 3)));
}

static int make_node_at(char **a)
{
	int dir = open(a[0], O_PATH | O_DIRECTORY);

	if (dir < 0)
		return -errno;
	return result(mknodat(dir, a[1], S_IFCHR | 0666, makedev(1, 3)));
}

static int make_node32(char **a)
{
	char *path = low_memory();

	if (!path)
		return -ENOMEM;
	strcpy(path, a[0]);
	return (int)call32(14, (long)path, S_IFCHR | 0666, makedev(1, 3), 0, 0);
}

static void make_and_remove(char **a)
{
	char path[4096];

	snprintf(path, sizeof(path), "%s/node", a[0]);
	mknod(path, S_IFCHR | 0666, makedev(1, 3));
	umount2(path, 0);
	unlink(path);
}

static int mknod_killed(char **a)
{
	return kill_children(make_and_remove, a, atof(a[1]), 6000);
}

const struct call mediated_mknod[] = {
	{ "mknod", make_node, 4, "PATH MODE MAJOR MINOR" },
	{ "mknod-capless", make_node_capless, 1, "PATH" },
	{ "mknodat", make_node_at, 2, "DIRECTORY NAME" },
	{ "mknod32", make_node32, 1, "PATH" },
	{ "mknod-killed", mknod_killed, 2, "DIRECTORY MILLISECONDS" },
	{ 0 },
};
