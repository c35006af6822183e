/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What a program does otherwise because it was built with a sanitizer; nothing of it is in others.
 */
#include <fcntl.h>
#include <stdlib.h>

#ifdef __SANITIZE_THREAD__
#include <pthread.h>
#include <sanitizer/common_interface_defs.h>
#include <sanitizer/tsan_interface.h>

static inline void *sanitizer_no_work(void *arg)
{
	return arg;
}
#endif

/**
 * sanitizer_be_alone() - at the start of main() and in a child that is to enter a mount namespace
 *
 * ThreadSanitizer starts a thread of its own in each child of fork(3), and who shares its root
 * directory with a thread may not (EINVAL). The way to end it exists once a thread was made.
 */
static inline void sanitizer_be_alone(void)
{
#ifdef __SANITIZE_THREAD__
	pthread_t thread;

	if (pthread_create(&thread, NULL, sanitizer_no_work, NULL) == 0)
		pthread_join(thread, NULL);
	__sanitizer_sandbox_on_notify(NULL);
#endif
}

/**
 * sanitizer_answered() - before a thread sends an answer by the connection @c
 *
 * Who gets a request later knows what was done until then, by way of the kernel, which
 * ThreadSanitizer does not see: a node is made by one thread and named to another.
 */
static inline void sanitizer_answered(void *c)
{
#ifdef __SANITIZE_THREAD__
	__tsan_release(c);
#else
	(void)c;
#endif
}

/**
 * sanitizer_asked() - after a thread has received a request by the connection @c
 */
static inline void sanitizer_asked(void *c)
{
#ifdef __SANITIZE_THREAD__
	__tsan_acquire(c);
#else
	(void)c;
#endif
}

/**
 * sanitizer_open_log() - where helpers, who have no standard error, report: the file that
 * CLOISTER_SANITIZER_LOG names
 *
 * Return: a descriptor; @null where there is none, and without a sanitizer.
 */
static inline int sanitizer_open_log(int null)
{
#ifdef CLOISTER_SANITIZED
	const char *path = getenv("CLOISTER_SANITIZER_LOG");
	int fd = path ? open(path, O_WRONLY | O_APPEND | O_CLOEXEC) : -1;

	return fd < 0 ? null : fd;
#else
	return null;
#endif
}
