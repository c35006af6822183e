/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sysctls of which the host gets the extreme of what containers want are the warden's business: the
 * server has no right to write the host's. It says only that something changed; what, the warden
 * reads in the store. And it opens nothing: files of the kernel's that are the container's own the
 * warden reads and writes (natives.c).
 *
 * The writer inside waits until the host's value is what it asked for: it may rely on it as soon as
 * write(2) returns. Should the warden die meanwhile, its twin looks at the store by itself, and the
 * socket's receive timeout (which the warden set) ends the wait.
 */
#include "config.h"
#include "ask.h"
#include "workers.h"
#include "lib/natives.h"

#include <errno.h>
#include <stdint.h>
#include <time.h>
#include <unistd.h>

#define TRIES 3 /* a warden died with the question, and so did its twin */

/*
 * Send @q, which begins with a number of ours, and wait for what begins with the same: the question
 * of a predecessor, or one that was given up, may still be answered.
 *
 * Return: the length of the answer, or -1.
 */
static ssize_t converse(struct server *s, void *q, size_t len, void *a, size_t size)
{
	struct timespec now;
	uint64_t *question = q, *answer = a;
	bool other = workers_block(s);
	ssize_t n = -1;

	pthread_mutex_lock(&s->ask_lock);
	clock_gettime(CLOCK_MONOTONIC, &now);
	*question = (uint64_t)now.tv_sec * 1000000000u + now.tv_nsec;
	if (write(s->ask_fd, q, len) == (ssize_t)len)
		do {
			n = read(s->ask_fd, a, size);
		} while ((n < 0 && errno == EINTR) ||
			 (n >= (ssize_t)sizeof(*answer) && *answer != *question));
	pthread_mutex_unlock(&s->ask_lock);
	if (other)
		workers_unblock();
	return n;
}

/**
 * ask_warden() - have the host follow the store
 */
void ask_warden(struct server *s)
{
	uint64_t question, answer;

	if (s->ask_fd >= 0)
		converse(s, &question, sizeof(question), &answer, sizeof(answer));
}

/**
 * ask_native() - have the warden do @q, which may be done twice
 *
 * Return: the result, with as many bytes of the answer's data, terminated; -EIO if nobody answers.
 */
int64_t ask_native(struct server *s, struct native_question *q, struct native_answer *a)
{
	const size_t head = offsetof(struct native_answer, data);
	ssize_t n = -1;

	for (int i = 0; i < TRIES && n < 0; i++)
		n = converse(s, q, offsetof(struct native_question, data) + q->len, a,
			     sizeof(*a) - 1);
	if (n < (ssize_t)head)
		return -EIO;
	a->data[n - head] = '\0';
	if (q->what != NATIVE_WRITE && a->result > (int64_t)(n - head))
		return -EIO;
	return a->result;
}
