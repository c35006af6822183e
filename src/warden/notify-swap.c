/* SPDX-License-Identifier: Apache-2.0 */
/*
 * swapon(2) and swapoff(2) of the container's own swap, the line in its /proc/swaps.
 *
 * Theory of operation. What a container has of swap is the limit of its cgroup, and the views show
 * that: to take it away is to set that limit to none, and then meminfo, swaps and sysinfo(2) say so
 * because it is so. A helper does it, with the host's rights, on a descriptor of the cgroup that
 * the warden opened; it enters nothing, and helpers that do have no such descriptor. It is
 * lib/swaplimit.c that knows how, and what comes back.
 *
 * Every other path is the kernel's to refuse. What is compared is our own copy of it.
 */
#include "config.h"
#include "warden/helper.h"

#include "lib/fd.h"
#include "lib/swaplimit.h"
#include "lib/wardenproto.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* How old what the views and sysinfo(2) say can be (fusefs/recent.c, notify-facts.c): whoever gets
 * the answer finds what it means. */
#define VIEWS_US 20000

struct swap_args {
	bool on;
};

/* The container's administrator, not one of a namespace that anybody can make himself. */
static int may_switch(struct job *job)
{
	struct visit *v = &job->visit;
	int r = visit_open(v, job->request);

#ifdef MUTANT_SWAP_RIGHTS
	return r;
#endif
	return r == 0 && !(visit_at_home(v) && visit_has_admin(v, v->owner_ns)) ? -EACCES : r;
}

/* A description of its own, which the lock belongs to. */
static int open_state(const struct request *r)
{
	char path[32];
	int fd;

	snprintf(path, sizeof(path), "self/fd/%d", r->notify->swap_state);
	fd = openat(r->host_proc, path, O_RDWR | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static int64_t switch_swap(struct job *job)
{
	const struct notify *n = job->request->notify;
	const struct swap_args *a = job->arg;
	int r = may_switch(job);
	autofd state = r < 0 ? r : open_state(job->request);

	bool again;

	if (state < 0)
		return JOB_CONTINUE;
	again = helper_try(job);
	r = a->on ? swaplimit_on(n->swap_dir, n->swap_v2, state, again)
		  : swaplimit_off(n->swap_dir, n->swap_v2, state, again);
	if (r == 0)
		usleep(VIEWS_US);
	return r;
}

/**
 * swap_handle() - swapon(path, flags), swapoff(path)
 */
void swap_handle(struct request *r, bool on)
{
	const struct notify *n = r->notify;
	const struct swap_args a = { .on = on };
	const struct helper_task task = { .run = switch_swap,
					  .arg = &a,
					  .own = { n->swap_dir, n->swap_state } };
	char path[sizeof(SWAPLIMIT_NAME) + 1];

	if (n->grants & WARDEN_GRANT_SWAP && n->swap_dir >= 0 && n->swap_state >= 0 &&
	    request_read_string(r, r->notif->data.args[0], path, sizeof(path)) == 0 &&
	    strcmp(path, SWAPLIMIT_NAME) == 0)
		helper_run_task(r, &task);
	else
		request_continue(r);
}
