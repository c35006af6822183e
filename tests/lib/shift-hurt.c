/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A container that sends a shiftfs server what may hurt it: names and attributes as long as they
 * may be, deep trees, files held open, without a name, locks that wait, renames against each other,
 * calls with any argument. DIR is its root. Errors do not matter; that it ends does.
 *
 *   shift-hurt DIR SECONDS
 */
#include "config.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/fs.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#define HELD  2000
#define DEPTH 200

static char big[1 << 20];
static int held[HELD];

static const char *name_of(void)
{
	static char name[NAME_MAX + 1];
	int n = random() % 12;

	if (n == 0) {
		memset(name, 'x', NAME_MAX);
		name[NAME_MAX] = '\0';
	} else if (n == 1) {
		return "..";
	} else {
		snprintf(name, sizeof(name), "n%d", n);
	}
	return name;
}

static int any_fd(void)
{
	return openat(AT_FDCWD, name_of(), (int)(random() & ~(O_PATH | O_ASYNC)) | O_NONBLOCK,
		      (mode_t)random() & 07777);
}

static void rename_all(void)
{
	char from[NAME_MAX + 1];

	strcpy(from, name_of());
	syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, name_of(), random() % 8);
	mkdir(name_of(), 0700);
	(void)!link(from, name_of());
	(void)!symlink(random() % 2 ? "../../../../../../etc/passwd" : "/", name_of());
	random() % 2 ? unlink(name_of()) : rmdir(name_of());
	mknod(name_of(), random() % 3 ? S_IFIFO | 0600 : S_IFCHR | 0600, makedev(1, 3));
}

static void attributes(void)
{
	char name[XATTR_NAME_MAX + 2] = "user.";
	int fd = open("attributes", O_RDWR | O_CREAT, 0600);

	memset(name + 5, 'a' + (int)(random() % 26), random() % (XATTR_NAME_MAX - 4));
	fsetxattr(fd, name, big, random() % (XATTR_SIZE_MAX + 1), 0);
	fgetxattr(fd, name, big + XATTR_SIZE_MAX, random() % (XATTR_SIZE_MAX + 1));
	flistxattr(fd, big + XATTR_SIZE_MAX, random() % (XATTR_LIST_MAX + 1));
	fsetxattr(fd, "system.posix_acl_access", big, random() % 4096, 0);
	fsetxattr(fd, "security.capability", big, random() % 64, 0);
	if (random() % 4 == 0)
		fremovexattr(fd, name);
	close(fd);
}

/* Down, and the tree taken apart from above while we are in it. */
static void depths(void)
{
	int top = open(".", O_RDONLY | O_DIRECTORY);
	char name[32];

	snprintf(name, sizeof(name), "deep-%ld", random() % 3);
	for (int i = 0; i < DEPTH; i++) {
		mkdir(name, 0700);
		if (chdir(name))
			break;
	}
	(void)!fchdir(top);
	rename(name, "deep-moved");
	(void)!chdir("deep-moved");
	while (rmdir("deep-moved") == 0 && chdir("..") == 0)
		;
	(void)!fchdir(top);
	close(top);
}

static void hold(void)
{
	int *fd = &held[random() % HELD];

	if (*fd > 0)
		close(*fd);
	*fd = random() % 2 ? open(".", O_TMPFILE | O_RDWR, 0600)
			   : open("held", O_RDWR | O_CREAT, 0600);
	if (random() % 8 == 0)
		unlink("held");
	if (*fd > 0 && random() % 4 == 0)
		(void)!linkat(*fd, "", AT_FDCWD, name_of(), AT_EMPTY_PATH);
}

static void locks(void)
{
	struct flock l = { .l_type = random() % 3, .l_start = random(), .l_len = random() };
	int fd = open("locked", O_RDWR | O_CREAT, 0600);

	alarm(1);
	fcntl(fd, random() % 2 ? F_SETLKW : F_OFD_SETLKW, &l);
	flock(fd, 1 << random() % 4);
	fcntl(fd, F_SETLEASE, (int)(random() % 3));
	alarm(0);
	close(fd);
}

static void data(void)
{
	int fd = any_fd(), other = any_fd();
	off_t at = random() % 2 ? random() : INT64_MAX - random() % 4096;
	char *p = mmap(NULL, 1 << 16, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	(void)!pwrite(fd, big, random() % sizeof(big), random() % (1 << 20));
	(void)!pread(fd, big, random() % sizeof(big), at);
	(void)!ftruncate(fd, random() % (1 << 22));
	fallocate(fd, (int)random() & 0x7f, random() % (1 << 20), random() % (1 << 20));
	lseek(fd, at, (int)(random() % 6));
	syscall(SYS_copy_file_range, fd, NULL, other, NULL, random() % (1 << 20), 0);
	(void)!sendfile(fd, other, NULL, random() % (1 << 16));
	syscall(SYS_getdents64, fd, big, random() % sizeof(big));
	if (p != MAP_FAILED) {
		msync(p, 1 << 16, MS_ASYNC);
		munmap(p, 1 << 16);
	}
	close(fd);
	close(other);
}

static void anything(void)
{
	struct timespec times[2] = { { random(), random() }, { random(), UTIME_OMIT } };
	char handle[MAX_HANDLE_SZ + 8];
	int fd = any_fd(), mount, flags = (int)random();

	*(unsigned int *)handle = MAX_HANDLE_SZ;
	name_to_handle_at(AT_FDCWD, name_of(), (void *)handle, &mount, 0);
	chmod(name_of(), random() & 07777);
	(void)!lchown(name_of(), random() % 70000, random() % 70000);
	utimensat(AT_FDCWD, name_of(), times, AT_SYMLINK_NOFOLLOW);
	(void)!truncate(name_of(), random());
	ioctl(fd, FS_IOC_SETFLAGS, &flags);
	ioctl(fd, (unsigned int)random(), big);
	syncfs(fd);
	umask(random() & 0777);
	close(fd);
}

static void (*const tricks[])(void) = { rename_all, rename_all, attributes, depths,   hold, hold,
					locks,	    locks,	data,	    anything, data };
#define TRICKS (sizeof(tricks) / sizeof(tricks[0]))

static void woken(int sig)
{
	(void)sig;
}

static void run(void (*trick)(void), time_t end)
{
	struct sigaction sa = { .sa_handler = woken };

	sigaction(SIGALRM, &sa, NULL);
	signal(SIGIO, SIG_IGN);
	signal(SIGBUS, SIG_DFL);
	signal(SIGXFSZ, SIG_IGN);
	srandom(getpid());
	while (time(NULL) < end)
		trick();
	_exit(0);
}

int main(int argc, char **argv)
{
	struct rlimit files = { 1 << 16, 1 << 16 }, size = { 8 << 20, 8 << 20 };
	int status, bad = 0;
	time_t end;

	/* Its root, so that what is followed leads to nothing of the host's. */
	if (argc != 3 || chroot(argv[1]) || chdir("/"))
		return 2;
	end = time(NULL) + atoi(argv[2]);
	setrlimit(RLIMIT_NOFILE, &files);
	setrlimit(RLIMIT_FSIZE, &size);
	for (size_t i = 0; i < TRICKS; i++)
		if (fork() == 0)
			run(tricks[i], end);
	while (wait(&status) > 0)
		bad += !WIFEXITED(status);
	if (bad)
		printf("%d processes were killed\n", bad);
	return bad != 0;
}
