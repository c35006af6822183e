/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Prints everything that a process can learn of its machine through files and system calls, a fact
 * a line, so that two machines can be compared: `taint tree DIR…` and `taint calls`.
 *
 *   PATH <tab> LINE-NUMBER <tab> text       of each file's first 256 KiB; unprintable bytes as \xNN
 *   PATH <tab> mode|names|link <tab> text   of each file, directory, symlink
 *
 * Of /proc/PID only process 1 is looked at, as /proc/PID. Static: it runs in any root file system.
 */
#define _GNU_SOURCE
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/mempolicy.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/personality.h>
#include <sys/resource.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/times.h>
#include <sys/timex.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#define READ_MAX (256 * 1024)

/* The name under which @path is printed: that of the first process is any process's. */
static const char *label(const char *path)
{
	static char text[4200];

	if (strncmp(path, "/proc/1", 7) != 0 || (path[7] && path[7] != '/'))
		return path;
	snprintf(text, sizeof(text), "/proc/PID%s", path + 7);
	return text;
}

static void print_text(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		unsigned char c = s[i];

		if (c == '\\')
			printf("\\\\");
		else if (isprint(c))
			putchar(c);
		else
			printf("\\x%02x", c);
	}
	putchar('\n');
}

static void print_lines(const char *path, const char *buf, size_t n)
{
	int number = 1;

	while (n > 0) {
		const char *end = memchr(buf, '\n', n);
		size_t len = end ? (size_t)(end - buf) : n;

		printf("%s\t%d\t", label(path), number++);
		print_text(buf, len);
		len += end != NULL;
		buf += len;
		n -= len;
	}
}

static void print_file(const char *path)
{
	static char buf[READ_MAX];
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	size_t len = 0;
	ssize_t n = 0;

	if (fd < 0) {
		printf("%s\topen\t%s\n", label(path), strerror(errno));
		return;
	}
	while (len < sizeof(buf) && (n = read(fd, buf + len, sizeof(buf) - len)) > 0)
		len += n;
	print_lines(path, buf, len);
	if (n < 0)
		printf("%s\terrno\t%s\n", label(path), strerror(errno));
	close(fd);
}

/* What is not text about the machine, but the process's own memory, or a switch. */
static bool is_skipped(const char *path)
{
	static const char *const names[] = { "/mem", "/pagemap", "/clear_refs", "/task" };

	if (strncmp(path, "/proc/1/", 8) != 0)
		return false;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(path + 7, names[i]) == 0)
			return true;
	return false;
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static bool is_other_process(const char *dir, const char *name)
{
	return strcmp(dir, "/proc") == 0 && isdigit((unsigned char)*name) && strcmp(name, "1") != 0;
}

static void walk(const char *path);

static void walk_dir(const char *path)
{
	struct dirent **names;
	int n = scandir(path, &names, NULL, by_name);
	char child[4096];

	if (n < 0) {
		printf("%s\topen\t%s\n", label(path), strerror(errno));
		return;
	}
	for (int i = 0; i < n; i++) {
		const char *name = names[i]->d_name;

		if (strcmp(name, ".") != 0 && strcmp(name, "..") != 0 &&
		    !is_other_process(path, name) &&
		    snprintf(child, sizeof(child), "%s/%s", path, name) < (int)sizeof(child)) {
			printf("%s\tnames\t%s\n", label(path), name);
			walk(child);
		}
		free(names[i]);
	}
	free(names);
}

static void walk(const char *path)
{
	char target[4096];
	struct stat st;
	ssize_t n;

	if (is_skipped(path))
		return;
	if (lstat(path, &st) < 0) {
		printf("%s\tstat\t%s\n", label(path), strerror(errno));
		return;
	}
	printf("%s\tmode\t%o %u %u %lld\n", label(path), st.st_mode, st.st_uid, st.st_gid,
	       S_ISREG(st.st_mode) ? (long long)st.st_size : 0);
	if (S_ISLNK(st.st_mode)) {
		n = readlink(path, target, sizeof(target));
		printf("%s\tlink\t%.*s\n", label(path), (int)(n < 0 ? 0 : n), target);
	} else if (S_ISDIR(st.st_mode)) {
		walk_dir(path);
	} else if (S_ISREG(st.st_mode)) {
		print_file(path);
	}
}

static void fact(const char *call, const char *name, long long value)
{
	printf("%s\t%s\t%lld\n", call, name, value);
}

static void result(const char *call, const char *name, long r)
{
	printf("%s\t%s\t%s\n", call, name, r < 0 ? strerror(errno) : "success");
}

static void print_sysinfo(void)
{
	struct sysinfo s;

	if (sysinfo(&s) < 0)
		return result("sysinfo", "errno", -1);
	fact("sysinfo", "uptime", s.uptime);
	for (int i = 0; i < 3; i++)
		fact("sysinfo", "load", s.loads[i]);
	fact("sysinfo", "totalram", s.totalram);
	fact("sysinfo", "freeram", s.freeram);
	fact("sysinfo", "sharedram", s.sharedram);
	fact("sysinfo", "bufferram", s.bufferram);
	fact("sysinfo", "totalswap", s.totalswap);
	fact("sysinfo", "freeswap", s.freeswap);
	fact("sysinfo", "procs", s.procs);
	fact("sysinfo", "totalhigh", s.totalhigh);
	fact("sysinfo", "mem_unit", s.mem_unit);
}

static void print_cpus(void)
{
	unsigned long nodes[16] = { 0 };
	cpu_set_t set;
	int mode;

	if (sched_getaffinity(0, sizeof(set), &set) == 0)
		for (int i = 0; i < CPU_SETSIZE; i++)
			if (CPU_ISSET(i, &set))
				fact("sched_getaffinity", "cpu", i);
	fact("sched_getaffinity", "size of the kernel's mask",
	     syscall(SYS_sched_getaffinity, 0, sizeof(set), &set));
	fact("get_nprocs", "online", get_nprocs());
	fact("get_nprocs", "configured", get_nprocs_conf());
	fact("sysconf", "_SC_PHYS_PAGES", sysconf(_SC_PHYS_PAGES));
	fact("sysconf", "_SC_AVPHYS_PAGES", sysconf(_SC_AVPHYS_PAGES));
	if (syscall(SYS_get_mempolicy, &mode, nodes, sizeof(nodes) * 8, NULL,
		    MPOL_F_MEMS_ALLOWED) == 0)
		fact("get_mempolicy", "nodes", nodes[0]);
}

static void print_clocks(void)
{
	static const struct {
		clockid_t id;
		const char *name;
	} clocks[] = { { CLOCK_MONOTONIC, "monotonic" },
		       { CLOCK_MONOTONIC_RAW, "monotonic_raw" },
		       { CLOCK_MONOTONIC_COARSE, "monotonic_coarse" },
		       { CLOCK_BOOTTIME, "boottime" },
		       { CLOCK_PROCESS_CPUTIME_ID, "process" } };
	struct timespec t;
	struct timex timex = { 0 };
	struct tms tms;

	for (size_t i = 0; i < sizeof(clocks) / sizeof(clocks[0]); i++) {
		clock_gettime(clocks[i].id, &t);
		fact("clock_gettime", clocks[i].name, t.tv_sec);
		clock_getres(clocks[i].id, &t);
		fact("clock_getres", clocks[i].name, t.tv_nsec);
	}
	fact("times", "ticks", times(&tms));
	result("adjtimex", "read", adjtimex(&timex));
}

static void print_limits(void)
{
	struct rlimit l;
	struct rusage u;
	char name[32];

	for (int i = 0; i < RLIM_NLIMITS; i++) {
		getrlimit(i, &l);
		snprintf(name, sizeof(name), "%d", i);
		fact("getrlimit", name, l.rlim_cur);
		fact("getrlimit", name, l.rlim_max);
	}
	getrusage(RUSAGE_SELF, &u);
	fact("getrusage", "utime", u.ru_utime.tv_sec);
	fact("getrusage", "majflt", u.ru_majflt);
}

static void print_filesystems(void)
{
	static const char *const paths[] = { "/",    "/proc",	   "/proc/meminfo",
					     "/sys", "/sys/class", "/sys/kernel",
					     "/dev", "/dev/shm",   "/sys/fs/cgroup" };
	struct statfs fs;
	struct stat st;

	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		char call[64];

		snprintf(call, sizeof(call), "statfs %s", paths[i]);
		if (statfs(paths[i], &fs) < 0 || stat(paths[i], &st) < 0) {
			result(call, "errno", -1);
			continue;
		}
		fact(call, "type", fs.f_type);
		fact(call, "bsize", fs.f_bsize);
		fact(call, "blocks", fs.f_blocks);
		fact(call, "bfree", fs.f_bfree);
		fact(call, "files", fs.f_files);
		fact(call, "ffree", fs.f_ffree);
		fact(call, "dev", st.st_dev);
		fact(call, "ino", st.st_ino);
	}
}

static void print_names(void)
{
	struct utsname u;

	uname(&u);
	printf("uname\tnodename\t%s\nuname\trelease\t%s\nuname\tversion\t%s\nuname\tdomain\t%s\n",
	       u.nodename, u.release, u.version, u.domainname);
	printf("auxv\tplatform\t%s\n", (const char *)getauxval(AT_PLATFORM));
	fact("auxv", "hwcap", getauxval(AT_HWCAP));
	fact("auxv", "clktck", getauxval(AT_CLKTCK));
}

static void print_ipc(void)
{
	struct shminfo shm;
	struct shm_info used;
	struct msginfo msg;
	struct seminfo sem;

	if (shmctl(0, IPC_INFO, (struct shmid_ds *)&shm) >= 0) {
		fact("shmctl", "shmmax", shm.shmmax);
		fact("shmctl", "shmall", shm.shmall);
	}
	if (shmctl(0, SHM_INFO, (struct shmid_ds *)&used) >= 0)
		fact("shmctl", "used_ids", used.used_ids);
	if (msgctl(0, IPC_INFO, (struct msqid_ds *)&msg) >= 0) {
		fact("msgctl", "msgmni", msg.msgmni);
		fact("msgctl", "msgmnb", msg.msgmnb);
	}
	if (semctl(0, 0, IPC_INFO, &sem) >= 0)
		fact("semctl", "semmni", sem.semmni);
}

/* Calls that tell of the whole machine: it is enough that they are refused alike. */
static void print_refused(void)
{
	char buf[4096];

	result("syslog", "read all", syscall(SYS_syslog, 3, buf, sizeof(buf)));
	result("syslog", "size", syscall(SYS_syslog, 10, NULL, 0));
	result("sysfs", "count", syscall(SYS_sysfs, 3));
	result("ustat", "root", syscall(SYS_ustat, 0xfe00, buf));
	result("perf_event_open", "call", syscall(SYS_perf_event_open, NULL, 0, -1, -1, 0));
	result("perf_event_open", "all", syscall(SYS_perf_event_open, NULL, -1, 0, -1, 0));
	result("bpf", "call", syscall(SYS_bpf, 0, NULL, 0));
	result("iopl", "call", syscall(SYS_iopl, 3));
	result("quotactl", "call", syscall(SYS_quotactl, 0x800001 << 8, "/dev/vda", 0, buf));
}

static int print_calls(void)
{
	print_names();
	print_sysinfo();
	print_cpus();
	print_clocks();
	print_limits();
	print_filesystems();
	print_ipc();
	print_refused();
	return 0;
}

int main(int argc, char **argv)
{
	/* The same addresses in each run. */
	if (!(personality(0xffffffff) & ADDR_NO_RANDOMIZE)) {
		personality(ADDR_NO_RANDOMIZE);
		execv(argv[0], argv);
	}
	if (argc > 1 && strcmp(argv[1], "calls") == 0)
		return print_calls();
	if (argc < 3 || strcmp(argv[1], "tree") != 0)
		return fprintf(stderr, "usage: taint tree DIR… | taint calls\n"), 2;
	for (int i = 2; i < argc; i++)
		walk(argv[i]);
	return 0;
}
