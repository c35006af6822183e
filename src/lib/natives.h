/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What cloister-fs asks the warden of the files of SYSCTL_NETFILTER that are the kernel's own: the
 * server opens nothing. One struct is one message; a message as long as its number alone is the
 * question of sysctls that the host shares (fusefs/ask.c).
 */
#include <stddef.h>
#include <stdint.h>

#define NATIVE_NAME_MAX 64 /* with the NUL */
#define NATIVE_DATA_MAX 8192

enum native_what {
	NATIVE_LIST, /* lines of a mode, in octal, and a name; no directories */
	NATIVE_READ,
	NATIVE_WRITE,
};

struct native_question {
	uint64_t number; /* comes back */
	uint32_t what;
	uint32_t len; /* of @data */
	uint64_t offset;
	int32_t pid; /* of the writer, as the host knows it */
	char name[NATIVE_NAME_MAX];
	char data[NATIVE_DATA_MAX]; /* sent as far as it is used */
};

struct native_answer {
	uint64_t number;
	int64_t result; /* -errno, or bytes: of @data, or that were written */
	char data[NATIVE_DATA_MAX];
};
