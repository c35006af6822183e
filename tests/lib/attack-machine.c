// SPDX-License-Identifier: Apache-2.0
/*
 * attack: what belongs to the machine: devices, modules, the clock, BPF, limits.
 */
#include "config.h"
#include "attack.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/loop.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/timex.h>
#include <time.h>
#include <unistd.h>

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

/* One of what each user has a number of. */
static int have_one(void)
{
	static int n;
	char name[32];
	int r;

	snprintf(name, sizeof(name), "attack.%d.%d", (int)getpid(), n++);
	r = result(syscall(SYS_mq_open, name, O_RDWR | O_CREAT | O_EXCL, 0600, NULL));
	if (r == 0)
		syscall(SYS_mq_unlink, name);
	return r < 0 ? r : result(inotify_init1(0));
}

static int one_more(char **a)
{
	return have_one();
}

static void raise_files(void)
{
	struct rlimit l;

	getrlimit(RLIMIT_NOFILE, &l);
	l.rlim_cur = l.rlim_max;
	setrlimit(RLIMIT_NOFILE, &l);
}

/* All that a user may have, until it is killed. */
static int use_up(char **a)
{
	raise_files();
	while (have_one() == 0)
		;
	while (inotify_init1(0) >= 0)
		;
	pause();
	return 0;
}

/* How many more can its user have? */
static int count_inotify(char **a)
{
	int n = 0;

	raise_files();
	while (inotify_init1(0) >= 0)
		n++;
	printf("%d\n", n);
	return 0;
}

/* Opens the file until that fails, says why, and keeps what it has. */
static int hold_files(char **a)
{
	raise_files();
	while (open(a[0], O_RDONLY) >= 0)
		;
	puts(errno == ENFILE ? "ENFILE" : strerror(errno));
	fflush(stdout);
	pause();
	return 0;
}

const struct call attack_machine[] = {
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
	{ "one-more", one_more, 0, "" },
	{ "use-up", use_up, 0, "" },
	{ "count-inotify", count_inotify, 0, "" },
	{ "hold-files", hold_files, 1, "FILE" },
	{ 0 },
};
