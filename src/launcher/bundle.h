/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Options that `create`, `run` and `exec` share, and what they ask for.
 */
#include <glib.h>
#include <stdbool.h>
#include <sys/types.h>

struct bundle_options {
	const char *bundle;	    /* directory; default the working one */
	const char *config;	    /* file in it, or a path */
	const char *console_socket; /* who takes the terminal's master */
	const char *pidfd_socket;   /* who takes a pidfd of the first or the executed process */
	const char *pid_file;
	int preserve_fds;
	bool detach;
	bool keep;
};

bool bundle_number(const char *option, const char *text, int max, int *ret, GError **error);
bool bundle_check_fds(int *preserve_fds, GError **error);
bool bundle_hand_over(const char *option, const char *path, const char *word, int fd,
		      GError **error);
bool bundle_write_pid(const char *path, pid_t pid, GError **error);
void bundle_give_stdio(bool terminal, int stdio[3], bool pty[3]);
