/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What `step` outside and `mediated steps` inside a container have in common.
 */
#include <linux/mount.h>
#include <sys/sysinfo.h>

#define STEP_TARGET "/mnt/step"
#define STEP_NODE   "/mnt/step-node"

/* At the same address in the caller and in who takes its place. */
#define STEP_MEMORY ((void *)0x200000000000)

struct step_memory {
	char type[64], path[64], value[64];
	struct mount_attr attr;
	struct sysinfo info;
	unsigned long cpus[16];
};
