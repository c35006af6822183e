/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Waiting for the requests of a FUSE connection. */
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

int devfuse_prepare(int fd);
ssize_t devfuse_read(int fd, void *buf, size_t len, uint64_t *waited_ns);
