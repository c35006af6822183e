/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The warden's own replacement, which `cloister reload` asks for by SIGHUP.
 *
 * Theory of operation. The warden executes the program that is installed now: pid, children, locks
 * and descriptors stay what they are; what it knows goes along in a memfd, and the memory that it
 * shares with others is in memfds anyway. The twin, which is the program from before, watches as
 * ever: should the new program not know what it is handed, or die of it, the twin is the warden.
 * The new program makes itself a twin of its own only when everything has been taken over.
 *
 * A program that cannot even be executed changes nothing.
 */
#include "config.h"
#include "warden/warden.h"

#include "lib/fd.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <unistd.h>

/* To be raised when a member of what is handed over, or of the shared memory, gets a new meaning.
 */
#define HANDOVER_VERSION 1

/* What a change of any of these structures cannot hide. */
struct layout {
	char magic[16];
	uint32_t version;
	uint32_t warden, shared, notify, mail, values;
};

struct handover {
	struct layout layout;
	struct warden warden; /* its pointers mean nothing to the successor */
};

static struct layout layout_of_ours(void)
{
	return (struct layout){ .magic = "cloister-warden",
				.version = HANDOVER_VERSION,
				.warden = sizeof(struct warden),
				.shared = sizeof(struct warden_shared),
				.notify = sizeof(struct notify_shared),
				.mail = sizeof(struct notify_mail),
				.values = SYSCTL_ROWS_MAX };
}

/* All that we have open is what the successor is to have. */
static int set_all_cloexec(bool on)
{
	DIR *dir = opendir("/proc/self/fd");
	struct dirent *e;

	if (!dir)
		return -errno;
	while ((e = readdir(dir))) {
		int fd = atoi(e->d_name);

		if (fd > 2 && fd != dirfd(dir))
			fd_set_cloexec(fd, on);
	}
	closedir(dir);
	return 0;
}

/**
 * handover_listen() - have SIGHUP arrive as a descriptor
 *
 * Return: the descriptor, or -errno.
 */
int handover_listen(void)
{
	sigset_t hup;
	int fd;

	sigemptyset(&hup);
	sigaddset(&hup, SIGHUP);
	if (sigprocmask(SIG_BLOCK, &hup, NULL) < 0)
		return -errno;
	fd = signalfd(-1, &hup, SFD_CLOEXEC | SFD_NONBLOCK);
	return fd < 0 ? -errno : fd;
}

/**
 * handover_do() - somebody asked for it: be the program that is installed
 *
 * Return: only if nothing became of it, -errno.
 */
int handover_do(struct warden *w)
{
	static struct handover h;
	autofd memory = memfd_create("cloister-handover", MFD_CLOEXEC);
	char number[16];
	char *argv[] = { (char *)"cloister-warden", (char *)"--resume", number, NULL };
	int r;

	if (memory < 0)
		return -errno;
	h = (struct handover){ .layout = layout_of_ours(), .warden = *w };
	r = fd_write_all(memory, &h, sizeof(h));
	if (r == 0)
		r = set_all_cloexec(false);
	if (r == 0) {
		snprintf(number, sizeof(number), "%d", memory);
		execve(w->hello.warden, argv, environ);
		r = -errno;
	}
	set_all_cloexec(true);
	return r;
}

static int map_shared(struct warden *w)
{
	w->shared = mmap(NULL, sizeof(*w->shared), PROT_READ | PROT_WRITE, MAP_SHARED, w->shared_fd,
			 0);
	return w->shared == MAP_FAILED ? -errno : 0;
}

/**
 * handover_receive() - go on where the program from before was
 * @number: of the descriptor that it left
 *
 * Return: 0, or -errno: then the twin goes on with the program from before.
 */
int handover_receive(struct warden *w, const char *number)
{
	static struct handover h;
	struct layout ours = layout_of_ours();
	autofd memory = atoi(number);
	int r;

	if (memory <= 2 || pread(memory, &h, sizeof(h), 0) != sizeof(h) ||
	    memcmp(&h.layout, &ours, sizeof(ours)) != 0)
		return -EPROTO;
	*w = h.warden;
	r = set_all_cloexec(true);
	if (r == 0)
		r = map_shared(w);
	return r < 0 ? r : notify_resume(&w->notify);
}
