/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What policy.c asks policy-sockets.c.
 */
#include "policy/policy.h"

bool policy_judge_socket(struct policy *p, const struct object *o, struct policy_grant *grant,
			 GError **error);
bool policy_is_socket(struct policy *p, const struct object *o);
bool policy_judge_sockets_below(struct policy *p, const struct object *o,
				struct policy_grant *grant, GError **error);
