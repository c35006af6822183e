/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The list of host directories that containers may have, if the settings have one.
 */
#include "policy/policy.h"

bool share_judge(struct policy *p, const struct policy_mount *m, const struct object *o,
		 struct policy_grant *grant, GError **error);
