// SPDX-License-Identifier: Apache-2.0
/*
 * mediated: makes the system calls that the warden answers, from inside a container, and says what
 * came of it.
 *
 *	mediated NAME ARG...
 *
 * Exit status as of `attack`: 0 it worked, 1 the kernel (or the warden) refused and the error's
 *name is on stderr, 2 wrong use.
 */
#define _GNU_SOURCE
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/mount.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/sysinfo.h>
#include <sys/time.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* <sys/mount.h> and <linux/mount.h> do not go together in glibc 2.36. */
int mount(const char *source, const char *target, const char *type, unsigned long flags,
	  const void *data);
int umount2(const char *target, int flags);

static int result(long r)
{
	return r < 0 ? -errno : 0;
}

static void print_sysinfo(const struct sysinfo *si)
{
	printf("uptime %ld\nloads %.2f %.2f %.2f\ntotalram %llu\nfreeram %llu\nsharedram %llu\n"
	       "bufferram %llu\ntotalswap %llu\nfreeswap %llu\nprocs %u\n",
	       si->uptime, si->loads[0] / 65536.0, si->loads[1] / 65536.0, si->loads[2] / 65536.0,
	       (unsigned long long)si->totalram * si->mem_unit / 1024,
	       (unsigned long long)si->freeram * si->mem_unit / 1024,
	       (unsigned long long)si->sharedram * si->mem_unit / 1024,
	       (unsigned long long)si->bufferram * si->mem_unit / 1024,
	       (unsigned long long)si->totalswap * si->mem_unit / 1024,
	       (unsigned long long)si->freeswap * si->mem_unit / 1024, si->procs);
}

static int ask_sysinfo(char **a)
{
	struct sysinfo si;
	int r = result(sysinfo(&si));

	(void)a;
	if (r == 0)
		print_sysinfo(&si);
	return r;
}

#ifdef __x86_64__
/* By the other door of the kernel, as a 32-bit program. */
static long call32(long number, long arg0, long arg1, long arg2)
{
	long r;

	__asm__ volatile("int $0x80"
			 : "=a"(r)
			 : "a"(number), "b"(arg0), "c"(arg1), "d"(arg2)
			 : "memory", "r8", "r9", "r10", "r11");
	return r;
}

static void *low_memory(void)
{
	void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT,
		       -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

static int ask_sysinfo32(char **a)
{
	struct {
		int32_t uptime;
		uint32_t loads[3], ram[4], swap[2];
		uint16_t procs, pad;
		uint32_t high[2], unit;
	} *c = low_memory();
	struct sysinfo si = { 0 };
	int r;

	(void)a;
	if (!c)
		return -ENOMEM;
	r = (int)call32(116, (long)c, 0, 0);
	if (r < 0)
		return r;
	si.uptime = c->uptime;
	for (int i = 0; i < 3; i++)
		si.loads[i] = c->loads[i];
	si.totalram = c->ram[0];
	si.freeram = c->ram[1];
	si.sharedram = c->ram[2];
	si.bufferram = c->ram[3];
	si.totalswap = c->swap[0];
	si.freeswap = c->swap[1];
	si.procs = c->procs;
	si.mem_unit = c->unit;
	print_sysinfo(&si);
	return 0;
}

static int ask_affinity32(char **a)
{
	unsigned char *mask = low_memory();
	long r;
	int n = 0;

	(void)a;
	if (!mask)
		return -ENOMEM;
	r = call32(242, 0, 128, (long)mask);
	for (long i = 0; i < r; i++)
		n += __builtin_popcount(mask[i]);
	printf("%d\n", n);
	return r < 0 ? (int)r : 0;
}
#else
static int ask_sysinfo32(char **a)
{
	return ask_sysinfo(a);
}

static int ask_affinity32(char **a)
{
	(void)a;
	return -ENOSYS;
}
#endif

static int ask_affinity(char **a)
{
	unsigned char mask[1024] = { 0 };
	long r = syscall(SYS_sched_getaffinity, atoi(a[0]), sizeof(mask), mask);
	int n = 0;

	if (r < 0)
		return -errno;
	for (long i = 0; i < r; i++)
		n += __builtin_popcount(mask[i]);
	printf("%d\n", n);
	return 0;
}

static int affinity_length(char **a)
{
	unsigned char mask[1024];
	long r = syscall(SYS_sched_getaffinity, 0, atoi(a[0]), mask);

	if (r >= 0)
		printf("%ld\n", r);
	return result(r);
}

/* Where nothing is mapped, where nothing may be written, and half of it. */
static int sysinfo_faults(char **a)
{
	char *pages = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	(void)a;
	if (pages == MAP_FAILED || munmap(pages + 4096, 4096) < 0)
		return -ENOMEM;
	if (syscall(SYS_sysinfo, NULL) == 0 || errno != EFAULT)
		return -EINVAL;
	if (syscall(SYS_sysinfo, pages + 4096 - 8) == 0 || errno != EFAULT)
		return -EINVAL;
	if (syscall(SYS_sysinfo, (void *)-8L) == 0 || errno != EFAULT)
		return -EINVAL;
	return 0;
}

static double now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1e6 + t.tv_nsec / 1e3;
}

/* Calls for so many milliseconds from so many threads; every answer must be right. */
static struct {
	double until;
	unsigned long total;
	_Atomic long wrong, calls;
} load;

static void *load_thread(void *arg)
{
	struct sysinfo si;

	(void)arg;
	while (now_us() < load.until) {
		if (sysinfo(&si) < 0 || si.totalram * si.mem_unit != load.total)
			load.wrong++;
		load.calls++;
	}
	return NULL;
}

static int sysinfo_load(char **a)
{
	int n = atoi(a[1]);
	pthread_t t[64];
	struct sysinfo si;

	if (n < 1 || n > 64 || sysinfo(&si) < 0)
		return -EINVAL;
	load.total = si.totalram * si.mem_unit;
	load.until = now_us() + atof(a[0]) * 1000;
	for (int i = 0; i < n; i++)
		if (pthread_create(&t[i], NULL, load_thread, NULL))
			return -EAGAIN;
	for (int i = 0; i < n; i++)
		pthread_join(t[i], NULL);
	printf("calls %ld wrong %ld\n", load.calls, load.wrong);
	return load.wrong ? -EIO : 0;
}

/* Children that are killed while their calls are worked on. */
static int sysinfo_killed(char **a)
{
	double until = now_us() + atof(a[0]) * 1000;
	unsigned int seed = 1;
	long n = 0;

	for (; now_us() < until; n++) {
		pid_t pid = fork();
		struct sysinfo si;

		if (pid < 0)
			return -errno;
		if (pid == 0)
			for (;;)
				sysinfo(&si);
		usleep(rand_r(&seed) % 2000);
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
	}
	printf("killed %ld\n", n);
	return 0;
}

static int open_fs(char **a)
{
	return result(syscall(SYS_fsopen, a[0], 0));
}

static int set_readonly(char **a)
{
	struct mount_attr attr = { .attr_set = MOUNT_ATTR_RDONLY };

	return result(syscall(SYS_mount_setattr, AT_FDCWD, a[0], 0, &attr, sizeof(attr)));
}

/* The same by what Linux 6.15 has for it. */
static int tree_attr_readonly(char **a)
{
	struct mount_attr attr = { .attr_set = MOUNT_ATTR_RDONLY };

	return result(syscall(467 /* open_tree_attr */, AT_FDCWD, a[0], 0, &attr, sizeof(attr)));
}

/* By the descriptor of a detached clone, which is then attached: as crun does. */
static int clone_readonly(char **a)
{
	struct mount_attr attr = { .attr_set = MOUNT_ATTR_RDONLY };
	int fd = (int)syscall(SYS_open_tree, AT_FDCWD, a[0],
			      OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);

	if (fd < 0)
		return -errno;
	if (syscall(SYS_mount_setattr, fd, "", AT_EMPTY_PATH, &attr, sizeof(attr)) < 0)
		return -errno;
	return result(syscall(SYS_move_mount, fd, "", AT_FDCWD, a[1], MOVE_MOUNT_F_EMPTY_PATH));
}

static int count_mounts(const char *target)
{
	FILE *f = fopen("/proc/self/mountinfo", "r");
	char line[8192], point[4096];
	int n = 0;

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "%*d %*d %*s %*s %4095s", point) == 1 &&
		    strcmp(point, target) == 0)
			n++;
	if (f)
		fclose(f);
	return n;
}

static const struct itimerval often = { { 0, 300 }, { 0, 300 } }, never;
static volatile int storm_left; /* signals until it is over; 0: it goes on */

static void on_signal(int sig)
{
	(void)sig;
	if (storm_left > 0 && --storm_left == 0)
		setitimer(ITIMER_REAL, &never, NULL);
}

/* What a signal left behind is taken back soon. Return: whether there are @want mounts. */
static bool settles(const char *target, int want, bool patient)
{
	for (int ms = 0; patient && ms < 3000 && count_mounts(target) != want; ms += 5)
		usleep(5000);
	return count_mounts(target) == want;
}

/* One mount under a storm of signals, of so many or (0) until it is made, makes one mount. */
static int mount_storm(char **a)
{
	struct sigaction action = { .sa_handler = on_signal, .sa_flags = SA_RESTART };
	int rounds = atoi(a[2]), r;

	sigaction(SIGALRM, &action, NULL);
	for (int i = 0; i < rounds; i++) {
		storm_left = atoi(a[3]);
		setitimer(ITIMER_REAL, &often, NULL);
		do {
			r = result(mount(a[0], a[1], a[0], 0, NULL));
		} while (r == -EINTR);
		setitimer(ITIMER_REAL, &never, NULL);
		if (r == 0 && !settles(a[1], 1, atoi(a[3]))) {
			printf("%d mounts\n", count_mounts(a[1]));
			return -EEXIST;
		}
		if (r == 0)
			r = result(umount2(a[1], 0));
		if (r < 0)
			return r;
	}
	return settles(a[1], 0, atoi(a[3])) ? 0 : -EEXIST;
}

/* Children that are killed while a mount of theirs is worked on. */
static int mount_killed(char **a)
{
	double until = now_us() + atof(a[2]) * 1000;
	unsigned int seed = 1;
	long n = 0;

	for (; now_us() < until; n++) {
		pid_t pid = fork();

		if (pid < 0)
			return -errno;
		if (pid == 0)
			for (;;) {
				mount(a[0], a[1], a[0], 0, NULL);
				umount2(a[1], 0);
			}
		usleep(rand_r(&seed) % 10000);
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
	}
	printf("killed %ld\n", n);
	return 0;
}

static int make_node(char **a)
{
	return result(mknod(a[0], strtoul(a[1], NULL, 8), makedev(atoi(a[2]), atoi(a[3]))));
}

/* With every capability but the one for it. */
static int make_node_capless(char **a)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];

	if (syscall(SYS_capget, &header, data) < 0)
		return -errno;
	data[0].effective &= ~(1U << CAP_MKNOD);
	if (syscall(SYS_capset, &header, data) < 0)
		return -errno;
	return result(mknod(a[0], S_IFCHR | 0666, makedev(1, 3)));
}

static int make_node_at(char **a)
{
	int dir = open(a[0], O_PATH | O_DIRECTORY);

	if (dir < 0)
		return -errno;
	return result(mknodat(dir, a[1], S_IFCHR | 0666, makedev(1, 3)));
}

#ifdef __x86_64__
static int make_node32(char **a)
{
	char *path = low_memory();

	if (!path)
		return -ENOMEM;
	strcpy(path, a[0]);
	return (int)call32(14, (long)path, S_IFCHR | 0666, makedev(1, 3));
}
#else
static int make_node32(char **a)
{
	(void)a;
	return -ENOSYS;
}
#endif

/* Children that are killed while a node of theirs is made, and take it away again. */
static int mknod_killed(char **a)
{
	double until = now_us() + atof(a[1]) * 1000;
	unsigned int seed = 1;
	char path[4096];
	long n = 0;

	snprintf(path, sizeof(path), "%s/node", a[0]);
	for (; now_us() < until; n++) {
		pid_t pid = fork();

		if (pid < 0)
			return -errno;
		if (pid == 0)
			for (;;) {
				mknod(path, S_IFCHR | 0666, makedev(1, 3));
				umount2(path, 0);
				unlink(path);
			}
		usleep(rand_r(&seed) % 6000);
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
	}
	printf("killed %ld\n", n);
	return 0;
}

/* Another thread turns a part of the path into a link and back. */
static struct {
	const char *dir, *to;
	_Atomic bool stop;
} turned;

static void *turn_thread(void *arg)
{
	char kept[4096];

	(void)arg;
	snprintf(kept, sizeof(kept), "%s.kept", turned.dir);
	while (!turned.stop) {
		rename(turned.dir, kept);
		symlink(turned.to, turned.dir);
		unlink(turned.dir);
		rename(kept, turned.dir);
	}
	return NULL;
}

static int mknod_turned(char **a)
{
	double until = now_us() + atof(a[2]) * 1000;
	char path[4096];
	pthread_t t;
	int n = 0;

	turned.dir = a[0];
	turned.to = a[1];
	if (pthread_create(&t, NULL, turn_thread, NULL))
		return -EAGAIN;
	for (; now_us() < until && n < 200; n++) {
		snprintf(path, sizeof(path), "%s/dn%d", a[0], n);
		mknod(path, S_IFCHR | 0666, makedev(1, 3));
	}
	turned.stop = true;
	pthread_join(t, NULL);
	return 0;
}

/* Arguments that are not there, end with their page, or go away while they are read. */
static struct {
	char *page; /* and one behind it that is not there */
	size_t size;
	_Atomic bool stop;
} shaky;

static void *shake_thread(void *arg)
{
	(void)arg;
	while (!shaky.stop) {
		mprotect(shaky.page, shaky.size, PROT_NONE);
		madvise(shaky.page, shaky.size, MADV_DONTNEED);
		mprotect(shaky.page, shaky.size, PROT_READ | PROT_WRITE);
	}
	return NULL;
}

static void call_all(const char *s, const char *target)
{
	struct mount_attr attr = { .attr_set = MOUNT_ATTR_RDONLY };

	mount(s, target, s, 0, NULL);
	mount("none", s, "proc", 0, NULL);
	mount("none", target, "proc", 0, s);
	mount(s, s, NULL, 4096 /* MS_BIND */, NULL);
	mount(NULL, s, NULL, 32 | 4096 | 1 /* MS_REMOUNT, MS_BIND, MS_RDONLY */, NULL);
	umount2(s, 0);
	mknod(s, S_IFCHR | 0666, makedev(1, 3));
	mknodat(AT_FDCWD, s, S_IFCHR | 0666, makedev(1, 5));
	syscall(SYS_fsopen, s, 0);
	syscall(SYS_mount_setattr, AT_FDCWD, s, 0, &attr, sizeof(attr));
	syscall(SYS_mount_setattr, AT_FDCWD, target, 0, s, sizeof(attr));
	sysinfo((struct sysinfo *)s);
	syscall(SYS_sched_getaffinity, 0, 128, s);
	while (umount2(target, 2 /* MNT_DETACH */) == 0)
		;
}

static int call_shaky(char **a)
{
	double until = now_us() + atof(a[1]) * 1000;
	long page = sysconf(_SC_PAGESIZE), n = 0;
	pthread_t t;

	shaky.size = page;
	shaky.page = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
			  0);
	if (shaky.page == MAP_FAILED || munmap(shaky.page + page, page) < 0 ||
	    pthread_create(&t, NULL, shake_thread, NULL))
		return -ENOMEM;
	for (; now_us() < until; n++) {
		const char *const where[] = { NULL,
					      (char *)8,
					      (char *)-4096,
					      shaky.page,
					      shaky.page + page - 1,
					      shaky.page + page - 5,
					      shaky.page + page,
					      (char *)(1UL << 62) };

		call_all(where[n % (sizeof(where) / sizeof(where[0]))], a[0]);
	}
	shaky.stop = true;
	pthread_join(t, NULL);
	printf("rounds %ld\n", n);
	return 0;
}

/* A view opened again and again, and kept, by as many processes as there may be. */
static int open_views(char **a)
{
	double until = now_us() + atof(a[0]) * 1000;

	for (int i = 0; i < 4; i++)
		if (fork() == 0) {
			char text[64];

			while (now_us() < until) {
				int fd = open("/proc/meminfo", O_RDONLY);

				if (fd < 0)
					continue;
				(void)!read(fd, text, sizeof(text));
			}
			_exit(0);
		}
	while (wait(NULL) > 0)
		;
	return 0;
}

/* So many callers at once, of whom none comes back before the others. */
static int flood(char **a)
{
	int n = atoi(a[0]), status, bad = 0;
	struct sysinfo si;

	for (int i = 0; i < n; i++) {
		pid_t pid = fork();

		if (pid < 0)
			return -errno;
		if (pid == 0)
			_exit(sysinfo(&si) < 0 || si.totalram == 0);
	}
	while (wait(&status) > 0)
		bad += status != 0;
	printf("bad %d\n", bad);
	return bad ? -EIO : 0;
}

/* Mount and unmount for so long; each time there is one, and then none. */
static int mount_load(char **a)
{
	double until = now_us() + atof(a[2]) * 1000;
	int rounds = 0;

	for (; now_us() < until; rounds++) {
		int r = result(mount(a[0], a[1], a[0], 0, NULL));

		if (r < 0 || count_mounts(a[1]) != 1) {
			printf("round %d: %s, %d mounts\n", rounds, strerror(-r),
			       count_mounts(a[1]));
			return r < 0 ? r : -EEXIST;
		}
		r = result(umount2(a[1], 0));
		if (r < 0 || count_mounts(a[1]) != 0) {
			printf("round %d: unmount: %s\n", rounds, strerror(-r));
			return r < 0 ? r : -EEXIST;
		}
	}
	printf("rounds %d\n", rounds);
	return 0;
}

/* Another thread changes type and target while the call is looked at. */
static struct {
	char type[16], target[4096];
	const char *types[2], *targets[2];
	_Atomic bool stop;
} swapped;

static void *swap_thread(void *arg)
{
	(void)arg;
	for (unsigned int i = 0; !swapped.stop; i++) {
		strcpy(swapped.type, swapped.types[i & 1]);
		strcpy(swapped.target, swapped.targets[i >> 1 & 1]);
	}
	return NULL;
}

static int mount_swapped(char **a)
{
	double until = now_us() + atof(a[3]) * 1000;
	pthread_t t;
	int n = 0;

	swapped.types[0] = "tmpfs";
	swapped.types[1] = a[0];
	swapped.targets[0] = a[1];
	swapped.targets[1] = a[2];
	if (pthread_create(&t, NULL, swap_thread, NULL))
		return -EAGAIN;
	for (; now_us() < until && n < 150; n++)
		mount("none", swapped.target, swapped.type, 0, NULL);
	swapped.stop = true;
	pthread_join(t, NULL);
	return 0;
}

static const struct {
	const char *name;
	int (*run)(char **args);
	int args;
	const char *usage;
} calls[] = {
	{ "sysinfo", ask_sysinfo, 0, "" },
	{ "sysinfo32", ask_sysinfo32, 0, "" },
	{ "sysinfo-faults", sysinfo_faults, 0, "" },
	{ "sysinfo-load", sysinfo_load, 2, "MILLISECONDS THREADS" },
	{ "sysinfo-killed", sysinfo_killed, 1, "MILLISECONDS" },
	{ "fsopen", open_fs, 1, "TYPE" },
	{ "set-readonly", set_readonly, 1, "PATH" },
	{ "tree-attr-readonly", tree_attr_readonly, 1, "PATH" },
	{ "clone-readonly", clone_readonly, 2, "FROM TO" },
	{ "mount-storm", mount_storm, 4, "TYPE TARGET ROUNDS SIGNALS" },
	{ "mount-killed", mount_killed, 3, "TYPE TARGET MILLISECONDS" },
	{ "flood", flood, 1, "CALLERS" },
	{ "mount-load", mount_load, 3, "TYPE TARGET MILLISECONDS" },
	{ "mount-swapped", mount_swapped, 4, "TYPE TARGET TARGET MILLISECONDS" },
	{ "shaky", call_shaky, 2, "TARGET MILLISECONDS" },
	{ "open-views", open_views, 1, "MILLISECONDS" },
	{ "mknod", make_node, 4, "PATH MODE MAJOR MINOR" },
	{ "mknod-capless", make_node_capless, 1, "PATH" },
	{ "mknodat", make_node_at, 2, "DIRECTORY NAME" },
	{ "mknod32", make_node32, 1, "PATH" },
	{ "mknod-killed", mknod_killed, 2, "DIRECTORY MILLISECONDS" },
	{ "mknod-turned", mknod_turned, 3, "DIRECTORY LINK-TO MILLISECONDS" },
	{ "affinity", ask_affinity, 1, "PID" },
	{ "affinity32", ask_affinity32, 0, "" },
	{ "affinity-length", affinity_length, 1, "BYTES" },
};

int main(int argc, char **argv)
{
	for (size_t i = 0; argc > 1 && i < sizeof(calls) / sizeof(calls[0]); i++) {
		int r;

		if (strcmp(argv[1], calls[i].name) != 0 || argc - 2 != calls[i].args)
			continue;
		r = calls[i].run(argv + 2);
		if (r < 0)
			fprintf(stderr, "%s\n", strerrorname_np(-r));
		return r < 0;
	}
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		fprintf(stderr, "mediated %s %s\n", calls[i].name, calls[i].usage);
	return 2;
}
