/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The size that the kernel believes a file has.
 */
#include <stddef.h>
#include <stdint.h>

void size_opened(int fuse_fd, uint64_t ino, const char *text, size_t len);
size_t size_now(uint64_t ino);
