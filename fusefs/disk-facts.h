/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What the container has read and written: the one answer behind diskstats and vmstat.
 */
#include "source.h"

enum disk_io { DISK_READ, DISK_WRITE, DISK_DISCARD, DISK_KINDS };

struct disk {
	uint64_t major, minor;
	uint64_t ios[DISK_KINDS], bytes[DISK_KINDS];
};

struct disks {
	struct text mem; /* array of struct disk */
};

int disks_get(const struct facts *facts, struct disks *list);
const struct disk *disks_find(const struct disks *l, uint64_t major, uint64_t minor);
uint64_t disks_bytes(const struct disks *l, enum disk_io kind);
void disks_free(struct disks *l);
