/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The parts of the host check. Each adds its items; nothing that a check makes stays behind.
 */
#include "runtime/hostcheck.h"

#include <sys/types.h>

/* The mapping of the throw-away namespaces: a container's first range. */
#define HOSTCHECK_BASE	100000u
#define HOSTCHECK_COUNT 65536u

void hostcheck_add(struct hostcheck *hc, const char *name, enum hostcheck_status status,
		   const char *consequence, const char *format, ...) G_GNUC_PRINTF(5, 6);
void hostcheck_require(struct hostcheck *hc);
void hostcheck_add_result(struct hostcheck *hc, const char *name, int r, const char *ok_detail,
			  const char *consequence);

typedef int (*hostcheck_fn)(void *arg);
int hostcheck_in_child(guint64 clone_flags, hostcheck_fn fn, void *arg);
int hostcheck_userns(void);

void hostcheck_namespaces(struct hostcheck *hc);
void hostcheck_mounts(struct hostcheck *hc);
void hostcheck_seccomp(struct hostcheck *hc);
void hostcheck_fuse(struct hostcheck *hc);
void hostcheck_cgroups(struct hostcheck *hc);
void hostcheck_syscalls(struct hostcheck *hc);
