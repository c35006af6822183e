/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The start of a container that is made, and what its first process says until it executes its
 * command.
 */
#include "config.h"
#include "runtime/container.h"

#include "lib/fd.h"
#include "lib/sys.h"
#include "runtime/error.h"
#include "runtime/init.h"
#include "runtime/mediation.h"
#include "runtime/seccomp.h"
#include "runtime/startlink.h"
#include "runtime/state.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/file.h>
#include <unistd.h>

/*
 * A socket that does not block is an exec's. Hostile processes inside can stop ours there, or have
 * it wait for a file system of theirs, and we would wait for ever: let the signals that wait for
 * the foreground end us meanwhile. What we leave behind sees the end of the socket.
 */
static ssize_t hear(int sync, struct child_event *e, int *fd, size_t *n)
{
	struct pollfd p = { .fd = sync, .events = POLLIN };
	sigset_t none;
	ssize_t got;

	sigemptyset(&none);
	while ((got = fd_recv(sync, e, sizeof(*e), fd, 1, n)) == -EAGAIN)
		ppoll(&p, 1, NULL, &none);
	return got;
}

/**
 * container_receive() - wait for the child's next event of type @want
 * @sync: the socket to it; if that does not block, signals end us while we wait
 * @console: receives the master of the pty if one is sent before that
 */
bool container_receive(int sync, int *console, int *value, int want, GError **error)
{
	for (;;) {
		struct child_event e;
		int fd = -1;
		size_t n = 0;
		ssize_t got = hear(sync, &e, &fd, &n);

		if (got == 0)
			return error_set(error,
					 "the container's process died before it could start");
		if (got < 0)
			return error_set_errno(error, got, "hear from the container's process");
		if (got != sizeof(e))
			return error_set(error, "garbled message from the container's process");
		e.text[sizeof(e.text) - 1] = '\0';
		if (e.type == CHILD_FAILED)
			return error_set_code(error, e.value, "%s", e.text);
		if (e.type == CHILD_CONSOLE && n == 1 && console && *console < 0) {
			*console = fd;
			continue;
		}
		if (n)
			close(fd);
		if ((int)e.type == want) {
			if (value)
				*value = e.value;
			return true;
		}
	}
}

/*
 * Wait for the end of the socket, which is the exec, or for why there was none. Return: true at the
 * exec, or with *@listener >= 0: then the process waits for CHILD_GO_LISTENER.
 */
static bool wait_event(int sync, int *listener, enum child_listener *whose, GError **error)
{
	struct child_event e;
	size_t n_fds = 0;
	ssize_t n;

	*listener = -1;
	n = hear(sync, &e, listener, &n_fds);
	*whose = e.value;
	if (n == sizeof(e) && e.type == CHILD_LISTENER && n_fds == 1)
		return true;
	if (*listener >= 0)
		close(*listener);
	*listener = -1;
	if (n != sizeof(e) || e.type != CHILD_FAILED)
		return true;
	e.text[sizeof(e.text) - 1] = '\0';
	return error_set_code(error, e.value, "%s", e.text);
}

static bool let_go_on(int sync, GError **error)
{
	return fd_send(sync, &(char){ CHILD_GO_LISTENER }, 1, NULL, 0) == 0 ||
	       error_set(error, "the process died before it could start");
}

/* The command may be so short that the warden ends with it before it has the listener. */
static bool deliver_late(const struct seccomp_process *who, int fd, GError **error)
{
	struct pollfd end = { .fd = who->pidfd, .events = POLLIN };

	if (mediation_deliver(who->dir_fd, who->pidfd, fd, error))
		return true;
	if (poll(&end, 1, 0) != 1)
		return false;
	g_clear_error(error);
	return true;
}

/* Give the listener @fd to who answers, and the process, which waits for it, the word to go on. */
static bool deliver(int sync, const struct seccomp *seccomp, const struct seccomp_process *who,
		    int fd, enum child_listener whose, GError **error)
{
	if (whose != CHILD_LISTENER_WARDEN)
		return seccomp_deliver_listener(seccomp, who, fd, error) && let_go_on(sync, error);
	if (who->pidfd >= 0)
		return let_go_on(sync, error) && deliver_late(who, fd, error);
	return mediation_deliver(who->dir_fd, sync, fd, error) && let_go_on(sync, error);
}

/* Each of its filters can have sent us a listener. */
#define LISTENERS_MAX 2

/**
 * container_wait_exec() - wait until the process executes its command, or for why it could not
 * @sync: the socket to it
 * @who: what its agent is told, if its filter has a listener
 *
 * If this fails the process is to be killed: it may be waiting for word.
 */
bool container_wait_exec(int sync, const struct seccomp *seccomp, const struct seccomp_process *who,
			 GError **error)
{
	for (int i = 0; i <= LISTENERS_MAX; i++) {
		enum child_listener whose;
		autofd fd = -1;

		if (!wait_event(sync, &fd, &whose, error))
			return false;
		if (fd < 0)
			return true;
		if (!deliver(sync, seccomp, who, fd, whose, error))
			return false;
	}
	return error_set(error, "garbled message from the container's process");
}

static bool say_start(int sync, const char *id, GError **error)
{
	return fd_send(sync, &(char){ CHILD_GO_START }, 1, NULL, 0) == 0 ||
	       error_set(error, "container \"%s\": its first process is gone", id);
}

/**
 * container_start() - let PID 1 execute the command; returns when it does or could not
 */
bool container_start(struct container *c, GError **error)
{
	const struct seccomp_process who = { .id = c->id,
					     .bundle = c->spec->bundle ?: "/",
					     .status = "created",
					     .init = c->pid,
					     .pid = c->pid,
					     .annotations = c->spec->annotations,
					     .dir_fd = c->dir_fd,
					     .pidfd = c->pidfd };

	if (!say_start(c->sync, c->id, error) ||
	    !container_wait_exec(c->sync, &c->seccomp, &who, error))
		return false;
	close(c->sync);
	c->sync = -1;
	return true;
}

/* As container_start(), of a container that another process has made and written down. */
static bool start_recorded(int root_fd, int dir, const char *id, int sync, int pidfd,
			   GError **error)
{
	json_t *config = state_load_json(dir, "config.json");
	json_t *state = state_load_json(dir, "state.json");
	struct rundir_record record = { 0 };
	struct seccomp seccomp = { 0 };
	struct seccomp_process who = {
		.id = id, .status = "created", .dir_fd = dir, .pidfd = pidfd
	};
	bool ok;

	who.bundle = json_string_value(json_object_get(state, "bundle")) ?: "/";
	who.annotations = json_object_get(config, "annotations");
	ok = rundir_read_record(dir, &record) == 0 ||
	     error_set(error, "container \"%s\": its state cannot be read", id);
	who.init = who.pid = record.init.pid;
	ok = ok &&
	     seccomp_prepare(json_object_get(json_object_get(config, "linux"), "seccomp"), root_fd,
			     &seccomp, error) &&
	     say_start(sync, id, error) && container_wait_exec(sync, &seccomp, &who, error);
	seccomp_clear(&seccomp);
	json_decref(config);
	json_decref(state);
	return ok;
}

/*
 * An engine deletes what could not be started as soon as we say so, and its shim stays for ever if
 * it has not collected PID 1 by then: say so after that. Whose child it is may be busy, or not
 * care.
 */
static void wait_collected(int pidfd)
{
	struct pollfd p = { .fd = pidfd, .events = POLLIN };

	if (pidfd < 0 || poll(&p, 1, 2000) != 1)
		return;
	for (int ms = 0; ms < 500 && sys_pidfd_send_signal(pidfd, 0) == 0; ms++)
		g_usleep(1000);
}

/**
 * container_start_created() - start what container_create() made, deferred, in another process
 *
 * The lock on the directory keeps a second `start` waiting until this one knows.
 */
bool container_start_created(int root_fd, const char *id, GError **error)
{
	autofd dir = rundir_enter(root_fd, id);
	struct rundir_record record = { 0 };
	autofd sync = -1, pidfd = -1;
	bool ok;

	if (dir < 0)
		return error_set(error, "container \"%s\" does not exist", id);
	if (flock(dir, LOCK_EX) < 0)
		return error_set_errno(error, -errno, "lock container \"%s\"", id);
	sync = startlink_connect(dir);
	if (sync < 0)
		return error_set(error,
				 "container \"%s\" is not in the created state; it can be started "
				 "once",
				 id);
	if (rundir_read_record(dir, &record) == 0)
		pidfd = proc_open(&record.init);
	ok = start_recorded(root_fd, dir, id, sync, pidfd, error);
	startlink_remove(dir);
	if (!ok) {
		fd_close(fd_steal(&sync));
		wait_collected(pidfd);
	}
	return ok;
}
