/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* `cloister check`: what this kernel and host can do. */
int cmd_check(int argc, char **argv);
