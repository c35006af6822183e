/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Mounts of the host that show other owners: mount.shiftfs(8).
 */
void hostmounts_print(void);
