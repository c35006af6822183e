/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The administrator's policy, asked about the mounts of a specification.
 */
#include "policy/policy.h"
#include "runtime/spec.h"

#include <glib.h>
#include <stdbool.h>

struct vet {
	struct policy policy;
	bool own_tree; /* the launcher made the specification: its system directories are its own */
};

bool vet_begin(struct vet *v, const struct subject *who, const char *settings, GError **error);
bool vet_root(struct vet *v, const char *path, int fd, GError **error);
bool vet_mount(struct vet *v, const struct spec_mount *m, int fd, struct policy_grant *grant,
	       GError **error);
void vet_report(const struct vet *v, const struct spec *spec, int state_fd);
void vet_end(struct vet *v);
