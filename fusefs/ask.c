/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sysctls of which the host gets the extreme of what containers want are the warden's business: the
 * server has no right to write the host's. It says only that something changed; what, the warden
 * reads in the store.
 *
 * The writer inside waits until the host's value is what it asked for: it may rely on it as soon as
 * write(2) returns. Should the warden die meanwhile, its twin looks at the store by itself, and the
 * socket's receive timeout (which the warden set) ends the wait.
 */
#include "config.h"
#include "ask.h"
#include "workers.h"

#include <errno.h>
#include <stdint.h>
#include <time.h>
#include <unistd.h>

/**
 * ask_warden() - have the host follow the store
 */
void ask_warden(struct server *s)
{
	struct timespec now;
	uint64_t question, answer = 0;
	bool other;
	ssize_t n;

	if (s->ask_fd < 0)
		return;
	other = workers_block(s);
	pthread_mutex_lock(&s->ask_lock);
	/* The question of a predecessor, or one that was given up, may still be answered. */
	clock_gettime(CLOCK_MONOTONIC, &now);
	question = (uint64_t)now.tv_sec * 1000000000u + now.tv_nsec;
	if (write(s->ask_fd, &question, sizeof(question)) == sizeof(question))
		do {
			n = read(s->ask_fd, &answer, sizeof(answer));
		} while ((n < 0 && errno == EINTR) || (n == sizeof(answer) && answer != question));
	pthread_mutex_unlock(&s->ask_lock);
	if (other)
		workers_unblock();
}
