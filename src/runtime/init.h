/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The container's first process from its birth to its exec, and what `exec` shares with it.
 */
#include "runtime/lsm.h"
#include "runtime/plan.h"
#include "runtime/seccomp.h"
#include "runtime/spec.h"

#include <stdbool.h>
#include <sys/types.h>

/* One message of the child to the launcher. */
enum child_event_type {
	CHILD_READY = 1, /* everything is done but the last step */
	CHILD_CONSOLE,	 /* the master of the new pty comes along */
	CHILD_LISTENER,	 /* the listener of a filter comes along; `value`: enum child_listener */
	CHILD_PID,	 /* exec: `value` is the pid of the process proper */
	CHILD_FAILED,	 /* `text` says what, `value` is the exit status to use */
};

/* Whose listener it is. */
enum child_listener { CHILD_LISTENER_AGENT, CHILD_LISTENER_WARDEN };

struct child_event {
	enum child_event_type type;
	int value;
	char text[512];
};

/* Launcher to child: one byte each. */
enum {
	CHILD_GO_MAPS = 'm',
	CHILD_GO_TREE = 't',
	CHILD_GO_START = 's',
	CHILD_GO_LISTENER = 'l', /* it is where it belongs */
};

/* A compiled seccomp filter, and the standard descriptors that become the pty. */
struct child_common {
	int sync; /* SOCK_SEQPACKET to the launcher */
	const struct spec_process *process;
	const struct seccomp *seccomp; /* without a filter if there is none to load */
	bool pty[3];		       /* which of stdin, stdout, stderr are the container's pty */
	int stdio[3];		       /* else: what they are */
	int null;		       /* exec: holds the place of the pty */
	bool console;		       /* the pty is /dev/console too */
	unsigned long personality;
	int preserve_fds; /* how many descriptors from 3 on are the command's */
};

/* Who asks for more asks for something else. */
#define INIT_PRESERVE_MAX 64

struct init_args {
	struct child_common common;
	const struct spec *spec;
	const struct plan *plan;
	const struct cgroups *cgroups;
	const int *tasks_fds;
	int n_tasks_fds;
	const struct lsm *lsm;
	int host_proc;	   /* the host's /proc; closed first of all */
	int base_fd;	   /* the workshop's base */
	int start_fd;	   /* where the word to start comes in, or -1: on the socket */
	const char *state; /* JSON for the startContainer hooks */
	bool new_ipc;
	bool new_net;	/* ours to bring up */
	bool new_uts;	/* ours to name */
	int rw_root_fd; /* received with CHILD_GO_TREE, or -1 */
};

void init_main(struct init_args *args) G_GNUC_NORETURN;

void child_fail(int sync, int status, int err, const char *format, ...) G_GNUC_NORETURN
	G_GNUC_PRINTF(4, 5);
void child_send(int sync, enum child_event_type type, int value, int fd);
void child_wait(int sync, char what, int *ret_fd);
void child_open_pty(const struct child_common *c, int ret_slave[1]);
void child_confine_hook(const struct child_common *c, int sync);
void child_become(const struct child_common *c, int slave) G_GNUC_NORETURN;
void child_check_command(const struct child_common *c);
void child_exec_command(int sync, const struct spec_process *p) G_GNUC_NORETURN;
void child_remember_command_line(int argc, char **argv);
void child_hide(void);
void child_reset_inherited(void);
