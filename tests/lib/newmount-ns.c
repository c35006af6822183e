// SPDX-License-Identifier: Apache-2.0
/*
 * Mount namespaces that Linux makes of a tree, of a new file system, or of nothing: for `newmount`.
 * Each enters what it made, and runs a command or makes something else there.
 */
#include "config.h"
#include "newmount.h"

#include <fcntl.h>
#include <linux/mount.h>
#include <sched.h>
#include <string.h>

/* Of newer headers than those we build with. */
#ifndef OPEN_TREE_NAMESPACE
#define OPEN_TREE_NAMESPACE (1 << 1) /* Linux 7.0 */
#endif
#ifndef FSMOUNT_NAMESPACE
#define FSMOUNT_NAMESPACE 0x2 /* Linux 7.1 */
#endif
#ifndef UNSHARE_EMPTY_MNTNS
#define UNSHARE_EMPTY_MNTNS 0x00100000 /* Linux 7.1 */
#endif

static int enter(int ns, char **command)
{
	if (ns >= 0 && setns(ns, CLONE_NEWNS) == 0)
		execvp(command[0], command);
	return -errno;
}

/* PATH COMMAND...: of a tree with all that is mounted there. */
static int of_tree(char **a)
{
	return enter(syscall(SYS_open_tree, AT_FDCWD, a[0],
			     OPEN_TREE_NAMESPACE | OPEN_TREE_CLOEXEC | AT_RECURSIVE),
		     a + 1);
}

/* PATH COMMAND...: of one mount, without what is mounted there. */
static int of_one(char **a)
{
	return enter(
		syscall(SYS_open_tree, AT_FDCWD, a[0], OPEN_TREE_NAMESPACE | OPEN_TREE_CLOEXEC),
		a + 1);
}

/*
 * TYPE OPTION TYPE [OPTION]...: of a new file system (OPTION may be "-"), in which another one is
 * made. It has no programs.
 */
static int of_new(char **a)
{
	char *first[] = { a[0], a[1], NULL };
	int ns;

	if (strcmp(a[1], "-") == 0)
		first[1] = NULL;
	ns = new_flagged(FSMOUNT_NAMESPACE, first);
	if (ns < 0)
		return ns;
	if (setns(ns, CLONE_NEWNS) < 0)
		return -errno;
	return new_mount(a + 2);
}

/*
 * FILE TYPE OPTIONS: in one of nothing, is the file of a new file system bare? It comes to lie on
 * the root, which is where ".." leads to.
 */
static int of_nothing(char **a)
{
	int r, root;

	if (unshare(UNSHARE_EMPTY_MNTNS) < 0)
		return -errno;
	r = result(mount(a[1], "/", a[1], 0, a[2]));
	if (r < 0)
		return r;
	root = open("/..", O_PATH | O_DIRECTORY | O_CLOEXEC);
	return root < 0 ? -errno : is_bare(root, a[0]) ? 0 : -ENODATA;
}

const struct call namespace_calls[] = {
	{ "namespace-of-tree", of_tree, 2, "PATH COMMAND..." },
	{ "namespace-of-one", of_one, 2, "PATH COMMAND..." },
	{ "namespace-of-new", of_new, 3, "TYPE OPTION TYPE [OPTION]..." },
	{ "namespace-of-nothing", of_nothing, 3, "FILE TYPE OPTIONS" },
	{ 0 },
};
