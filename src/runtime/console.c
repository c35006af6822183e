/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The caller's terminal and the pty that stands for it inside.
 */
#include "config.h"
#include "runtime/console.h"

#include "lib/fd.h"
#include "runtime/error.h"

#include <errno.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <termios.h>
#include <unistd.h>

/**
 * console_own() - make a pipe or socket that is a process's standard descriptor its own
 * @uid: host id
 *
 * So that it can open it again by name (/dev/stdout). What is not to be had stays as it is.
 */
void console_own(int fd, uid_t uid)
{
	struct stat st;

	if (fstat(fd, &st) == 0 && (S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode)) &&
	    st.st_uid != uid && fchown(fd, uid, -1) < 0)
		return;
}

/**
 * console_copy_size() - give the pty whose master is @console the size of our own terminal
 */
void console_copy_size(int console)
{
	struct winsize size;

	for (int fd = 0; console >= 0 && fd < 3; fd++)
		if (isatty(fd) && ioctl(fd, TIOCGWINSZ, &size) == 0) {
			ioctl(console, TIOCSWINSZ, &size);
			return;
		}
}

/**
 * console_set_size() - the size that the specification asks for, else that of our own terminal
 */
void console_set_size(int console, const struct spec_process *process)
{
	struct winsize size = { .ws_col = process->console_width,
				.ws_row = process->console_height };

	if (console < 0)
		return;
	if (size.ws_col && size.ws_row)
		ioctl(console, TIOCSWINSZ, &size);
	else
		console_copy_size(console);
}

/**
 * console_is_master() - is @fd the master of a pty of some devpts?
 *
 * Calls nothing but the kernel, for use after clone.
 */
bool console_is_master(int fd)
{
	struct stat st;
	struct statfs fs;
	int number;

	return fstat(fd, &st) == 0 && S_ISCHR(st.st_mode) && st.st_rdev == makedev(5, 2) &&
	       fstatfs(fd, &fs) == 0 && fs.f_type == DEVPTS_SUPER_MAGIC &&
	       ioctl(fd, TIOCGPTN, &number) == 0;
}

/**
 * console_check() - is what came from inside really the master of a pty?
 *
 * /dev/pts/ptmx may be anything in a running container: only a devpts master may be relayed to the
 * caller's terminal.
 */
bool console_check(int fd, GError **error)
{
	if (console_is_master(fd))
		return true;
	return error_set(error, CONSOLE_IS_NONE);
}
