/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rights of a user as numbers: for a server that does not look up names itself; and whether a
 * path leads such a user to what it leads root to.
 */
#include "config.h"
#include "lib/userrights.h"

#include "lib/fd.h"
#include "lib/sys.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static const struct passwd *find_user(const char *name)
{
	char *end;
	unsigned long uid;

	if (!isdigit((unsigned char)*name))
		return getpwnam(name);
	errno = 0;
	uid = strtoul(name, &end, 10);
	return *end || errno || uid >= UINT32_MAX ? NULL : getpwuid(uid);
}

static int find_group(const char *name, gid_t *gid)
{
	const struct group *gr;
	char *end;
	unsigned long n;

	if (!isdigit((unsigned char)*name)) {
		gr = getgrnam(name);
		if (!gr)
			return -ENOENT;
		*gid = gr->gr_gid;
		return 0;
	}
	errno = 0;
	n = strtoul(name, &end, 10);
	if (*end || errno || n >= UINT32_MAX)
		return -EINVAL;
	*gid = n;
	return 0;
}

/**
 * user_rights() - what shiftfs --as takes for a user: "UID:GID[:GID...]"
 * @user: name or number of a user that exists, perhaps with ":GROUP" behind it in place of the
 *	  user's own first group
 * @uid, @gid: what its files belong to
 *
 * Return: 0; -ENOENT if there is no such user or group, -EPERM for root, -E2BIG.
 */
int user_rights(const char *user, char *text, size_t size, uint32_t *uid, uint32_t *gid)
{
	char name[256];
	const char *colon = strchr(user, ':');
	gid_t groups[USER_GROUPS_MAX], first;
	int n = USER_GROUPS_MAX, len, r;
	const struct passwd *pw;

	if (snprintf(name, sizeof(name), "%.*s", (int)(colon ? colon - user : (int)strlen(user)),
		     user) >= (int)sizeof(name))
		return -ENOENT;
	pw = find_user(name);
	if (!pw)
		return -ENOENT;
	if (pw->pw_uid == 0)
		return -EPERM;
	*uid = pw->pw_uid;
	first = pw->pw_gid;
	r = colon ? find_group(colon + 1, &first) : 0;
	if (r < 0)
		return r;
	*gid = first;
	if (getgrouplist(pw->pw_name, first, groups, &n) < 0)
		return -E2BIG;
	len = snprintf(text, size, "%u:%u", *uid, *gid);
	for (int i = 0; i < n && len < (int)size; i++)
		if (groups[i] != first)
			len += snprintf(text + len, size - len, ":%u", groups[i]);
	return len < (int)size ? 0 : -E2BIG;
}

static bool leads_to(int fd, const struct stat *what)
{
	struct stat st;

	return fd >= 0 && fstat(fd, &st) == 0 && st.st_dev == what->st_dev &&
	       st.st_ino == what->st_ino;
}

/* In a child, for good. The user gets no hold of it: only what counts for files is the user's. */
static void walk_as(const char *rights, const char *path, const struct stat *what)
{
	gid_t groups[USER_GROUPS_MAX];
	char *end = (char *)rights;
	unsigned long uid = strtoul(end, &end, 10), gid = *end ? strtoul(end + 1, &end, 10) : 0;
	size_t n = 0;

	while (*end && n < USER_GROUPS_MAX)
		groups[n++] = strtoul(end + 1, &end, 10);
	if (!uid || syscall(SYS_setgroups, n, groups) < 0)
		_exit(1);
	syscall(SYS_setfsgid, gid);
	syscall(SYS_setfsuid, uid); /* takes CAP_DAC_OVERRIDE and its like along */
	_exit(!leads_to(open(path, O_PATH | O_CLOEXEC), what));
}

/**
 * user_reaches() - whether what root finds by a path is the user's to find
 * @rights: as of user_rights()
 * @fd: what the path has led to
 *
 * A user who may write to a directory of the path can put a symbolic link there, which leads
 * whoever follows it as root past directories that are closed to the user. Not so if the user's own
 * rights lead to the same, or there is no link: then the path is what somebody else has chosen.
 *
 * Return: 1, 0, or -errno.
 */
int user_reaches(const char *rights, const char *path, int fd)
{
	autofd straight = -1;
	struct stat what;
	int status;
	pid_t pid;

#ifdef MUTANT_LINKS_FOLLOWED
	return 1;
#endif
	if (fstat(fd, &what) < 0)
		return -errno;
	straight = sys_openat2(AT_FDCWD, path, O_PATH | O_CLOEXEC, RESOLVE_NO_SYMLINKS);
	if (leads_to(straight, &what))
		return 1;
	pid = sys_clone3(0, SIGCHLD, NULL, -1);
	if (pid == 0)
		walk_as(rights, path, &what);
	if (pid < 0)
		return pid;
	while (waitpid(pid, &status, __WALL) < 0)
		if (errno != EINTR)
			return -errno;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}
