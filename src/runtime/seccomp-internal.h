/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Between the parts of the seccomp compiler.
 */
#include "runtime/seccomp.h"

#include <seccomp.h>
#include <stdint.h>

#define SECCOMP_MAX_ARCHS 16

/* The kernel's limit on the length of a program (BPF_MAXINSNS). */
#define SECCOMP_MAX_LEN BPF_MAXINSNS

/* The highest number that a profile names, of one ABI. */
struct seccomp_newest {
	uint32_t token;	 /* SCMP_ARCH_* */
	uint32_t number; /* as the kernel passes it to the filter: x32's has bit 30 set */
};

/* A rule of the profile with conditions on arguments. */
struct seccomp_rule {
	uint32_t action; /* as the filter returns it */
	bool any;	 /* one of the conditions suffices */
	size_t n;
	struct scmp_arg_cmp cmp[];
};

/* A system call with such rules and none without conditions. */
struct seccomp_call {
	const char *name; /* of the profile */
	GPtrArray *rules; /* const struct seccomp_rule *, borrowed, in the profile's order */
};

bool seccomp_prepend(struct sock_fprog *filter, const struct sock_filter *code, size_t len);
bool seccomp_prepend_conditions(struct sock_fprog *filter, GPtrArray *calls,
				const struct seccomp_newest *abis, size_t n,
				uint32_t default_action);
bool seccomp_prepend_enosys(struct sock_fprog *filter, const struct seccomp_newest *newest,
			    size_t n);

/* A key is what the filter depends on, hashed; hexadecimal. */
char *seccomp_cache_key(json_t *profile);
bool seccomp_cache_load(int root_fd, const char *key, struct sock_fprog *filter);
void seccomp_cache_store(int root_fd, const char *key, const struct sock_fprog *filter);
