/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the two processes of the proxy give up before they read anything of a client.
 *
 * The parser may use the descriptors that it has, take clients in, and make pipes. The forwarder
 * may also connect to Unix sockets: to the engine's, and that of the log. Neither opens a file.
 */
#include "config.h"
#include "sockproxy/proxy.h"

#include "lib/sys.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <seccomp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define NOBODY SYS_NOBODY

/* @uid: 0, or NOBODY; @gid: one group to be kept, or NOBODY */
static int drop_ids(uid_t uid, gid_t gid)
{
	if (setgroups(gid != NOBODY, &gid) < 0 || setresgid(NOBODY, NOBODY, NOBODY) < 0)
		return -errno;
	if (uid == NOBODY)
		return sys_become_none();
	return setresuid(uid, uid, uid) < 0 ? -errno : 0;
}

static int drop_rights(uid_t uid, gid_t gid)
{
	struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct none[2] = { 0 };
	const struct rlimit descriptors = { 4 * PROXY_CONNECTIONS, 4 * PROXY_CONNECTIONS };

	if (setrlimit(RLIMIT_NOFILE, &descriptors) < 0 || prctl(PR_SET_DUMPABLE, 0) < 0)
		return -errno;
	for (int cap = 0; prctl(PR_CAPBSET_DROP, cap) == 0; cap++)
		;
	if (drop_ids(uid, gid) < 0 || syscall(SYS_capset, &header, none) < 0 ||
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -errno;
	return 0;
}

static int allow(scmp_filter_ctx ctx, const int *calls, size_t n)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < n; i++)
		r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, calls[i], 0);
	return r;
}

static const int common[] = {
	SCMP_SYS(read),		SCMP_SYS(write),       SCMP_SYS(recvmsg),	SCMP_SYS(sendmsg),
	SCMP_SYS(recvfrom),	SCMP_SYS(sendto),      SCMP_SYS(shutdown),	SCMP_SYS(close),
	SCMP_SYS(epoll_wait),	SCMP_SYS(epoll_pwait), SCMP_SYS(epoll_ctl),	SCMP_SYS(brk),
	SCMP_SYS(munmap),	SCMP_SYS(mremap),      SCMP_SYS(madvise),	SCMP_SYS(futex),
	SCMP_SYS(rt_sigreturn), SCMP_SYS(exit_group),  SCMP_SYS(clock_gettime), SCMP_SYS(getpid),
};

/*
 * What both may do. Files are not there; that is no reason to end (localtime(3) in syslog(3) asks
 * for one).
 */
static int allow_common(scmp_filter_ctx ctx)
{
	static const int files[] = { SCMP_SYS(open), SCMP_SYS(openat), SCMP_SYS(stat),
				     SCMP_SYS(newfstatat), SCMP_SYS(access) };
	int r = allow(ctx, common, sizeof(common) / sizeof(common[0]));

	/* Memory, but none that can be executed. */
	if (r == 0)
		r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1,
				     SCMP_A2(SCMP_CMP_MASKED_EQ, 4 /* PROT_EXEC */, 0));
	for (size_t i = 0; r == 0 && i < sizeof(files) / sizeof(files[0]); i++)
		r = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EACCES), files[i], 0);
	return r;
}

/* From here on only what both may do, @own, and unix sockets if it @connects. */
static int load_filter(const int *own, size_t n, bool connects)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_KILL_PROCESS);
	int r = ctx ? allow_common(ctx) : -ENOMEM;

	if (r == 0)
		r = allow(ctx, own, n);
	if (r == 0 && connects)
		r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(socket), 1,
				     SCMP_A0(SCMP_CMP_EQ, AF_UNIX));
	if (r == 0)
		r = seccomp_load(ctx);
	seccomp_release(ctx);
	return r;
}

/**
 * confine_front() - the parser: no rights, nothing to reach
 */
int confine_front(void)
{
	static const int own[] = { SCMP_SYS(accept4), SCMP_SYS(pipe2) };
	int r = drop_rights(NOBODY, NOBODY);

	return r < 0 ? r : load_filter(own, sizeof(own) / sizeof(own[0]), false);
}

/* Who may connect to the engine without being root? */
static void find_ids(const char *engine_socket, uid_t *uid, gid_t *gid)
{
	struct stat st, dir;

	*uid = 0;
	*gid = NOBODY;
	if (stat(engine_socket, &st) < 0 || stat(".", &dir) < 0 || !(dir.st_mode & S_IXOTH))
		return;
	if ((st.st_mode & S_IWGRP) && st.st_gid != 0) {
		*uid = NOBODY;
		*gid = st.st_gid;
	} else if (st.st_mode & S_IWOTH) {
		*uid = NOBODY;
	}
}

/**
 * confine_back() - the forwarder: no user, with the group of the engine's socket, or root without
 * capabilities where only root may use it; and no other system calls than connecting and copying
 */
int confine_back(const char *engine_socket)
{
	static const int own[] = { SCMP_SYS(connect), SCMP_SYS(setsockopt), SCMP_SYS(getsockopt),
				   SCMP_SYS(recvmmsg), SCMP_SYS(sched_yield) };
	uid_t uid;
	gid_t gid;
	int r;

	find_ids(engine_socket, &uid, &gid);
	r = drop_rights(uid, gid);
	return r < 0 ? r : load_filter(own, sizeof(own) / sizeof(own[0]), true);
}
