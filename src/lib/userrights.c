/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rights of a user as numbers: for a server that does not look up names itself.
 */
#include "config.h"
#include "lib/userrights.h"

#include <ctype.h>
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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
